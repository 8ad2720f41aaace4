"""Which pictures a report shows."""

import pytest

from lambda_studio.workflows.benchmarks.reports.extremes import METRICS, SHOWN, changes, extremes
from lambda_studio.workflows.benchmarks.results.results_folder import Row


def scored(*values: float) -> list[Row]:
    return [
        Row(f"{number:02}", ("rex",), "a dog", number, {"DINO": float(value)}) for number, value in enumerate(values)
    ]


def ranked(rows: list[Row]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for each in extremes(rows):
        found.setdefault(each.rank, []).append(each.score)
    return found


def test_the_highest_the_middle_and_the_lowest_are_chosen() -> None:
    assert ranked(scored(*range(20))) == {
        "highest": [19, 18, 17, 16],
        "median": [11, 10, 9, 8],
        "lowest": [0, 1, 2, 3],
    }


@pytest.mark.parametrize("count", range(1, 3 * SHOWN + 3))
def test_no_picture_is_chosen_twice(count: int) -> None:
    found = extremes(scored(*range(count)))
    keys = [each.key for each in found]
    assert len(keys) == len(set(keys)) == (count if count < 3 else 3 * min(SHOWN, count // 3))
    assert found[0].score == count - 1


def test_a_picture_without_a_score_is_left_out_and_metrics_are_limited() -> None:
    rows = [*scored(0.5), Row("x", (), "", 1, {f"metric{number}": 0.0 for number in range(50)})]
    found = extremes(rows)
    assert [each.key for each in found if each.metric == "DINO"] == ["00"]
    assert len({each.metric for each in found}) == METRICS


def test_gains_and_losses_are_signed_and_sorted() -> None:
    one, other = scored(0.5, 0.5, 0.5, 0.5), scored(0.6, 0.9, 0.1, 0.5)
    found = changes({row.key: (row, after) for row, after in zip(one, other, strict=True)}, ["DINO"])
    assert [(each.rank, each.key) for each in found] == [("gained", "01"), ("gained", "00"), ("lost", "02")]
    assert found[0].difference == pytest.approx(0.4)
    assert (found[2].one, found[2].other, found[2].seeds) == (0.5, 0.1, (2, 2))
