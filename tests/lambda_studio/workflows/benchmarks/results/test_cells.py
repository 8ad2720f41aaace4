"""Pictures of cells have keys and seeds of their own."""

from lambda_studio.workflows.benchmarks.results.cells import Cell, wanted

CELLS = [Cell(f"dog/{number:02}", ("dog",), "a <dog>", "a dog") for number in (1, 2)]


def test_seeds_depend_on_the_key_and_the_first_seed_only() -> None:
    asked = wanted(CELLS, 3)
    assert [each.key for each in asked[:4]] == ["dog/01/1", "dog/01/2", "dog/01/3", "dog/02/1"]
    seeds = [each.seed(0) for each in asked]
    assert len(set(seeds)) == 6 and all(0 <= seed < 2**31 for seed in seeds)
    assert wanted(CELLS[1:], 1)[0].seed(0) == seeds[3]
    assert asked[0].seed(1) != seeds[0]
