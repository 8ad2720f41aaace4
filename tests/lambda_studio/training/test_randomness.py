"""What a step draws is a function of the seed and the step."""

from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lambda_studio.training.randomness import (
    EvenOrder,
    LaterOrder,
    MicroStep,
    draw_micro_batch,
    generator_for,
    permutation,
    seed_for,
)

CONCEPTS = ["rex"] * 6 + ["hat"] + ["mug"] * 3


def test_a_seed_says_all_its_parts_and_their_kinds() -> None:
    seeds = {seed_for(1, "noise", 2), seed_for(2, "noise", 1), seed_for(1, "noise", "2"), seed_for(1, "noise", 2, 0)}
    seeds |= {seed_for("a", "b"), seed_for("ab"), seed_for("ab", "")}
    assert len(seeds) == 7
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_a_seed_is_the_same_on_every_machine() -> None:
    assert seed_for(0, "noise", 0, 0) == 5043391639785483171


def test_concepts_are_drawn_evenly_whatever_their_image_count() -> None:
    drawn = EvenOrder(CONCEPTS, seed=0).draw(0, 3 * 60)
    assert Counter(CONCEPTS[row] for row in drawn) == {"rex": 60, "hat": 60, "mug": 60}


@pytest.mark.parametrize(
    ("weights", "times"),
    [
        ({}, (1, 1, 1)),
        ({"rex": 2.0}, (2, 1, 1)),
        ({"rex": 0.5, "hat": 1.5}, (1, 3, 2)),
        ({"mug": 2.04}, (1, 1, 2)),  # tenths count
        ({"mug": 0.01}, (10, 10, 1)),
    ],
)
def test_a_concept_is_drawn_as_often_as_its_weight_says(weights: dict[str, float], times: tuple[int, ...]) -> None:
    epoch = sum(times)
    order = EvenOrder(CONCEPTS, 0, weights)
    drawn = order.draw(0, 60 * epoch)
    counts = Counter(CONCEPTS[row] for row in drawn)
    assert tuple(counts[name] for name in ("rex", "hat", "mug")) == tuple(60 * each for each in times)
    images = Counter(row for row in drawn if CONCEPTS[row] == "rex")
    assert set(images.values()) == {10 * times[0]}
    assert order.draw(17, 30) == drawn[17:47]


def test_images_of_a_concept_are_drawn_evenly() -> None:
    drawn = EvenOrder(CONCEPTS, seed=0).draw(0, 3 * 60)
    assert Counter(drawn) == {**dict.fromkeys(range(6), 10), 6: 60, **dict.fromkeys(range(7, 10), 20)}


@given(st.integers(0, 200), st.integers(1, 40), st.integers(0, 5))
@settings(max_examples=60)
def test_any_stretch_of_the_order_can_be_drawn_alone(start: int, count: int, seed: int) -> None:
    order = EvenOrder(CONCEPTS, seed)
    assert order.draw(start, count) == order.draw(0, start + count)[start:]


def test_every_epoch_and_every_seed_has_an_order_of_its_own() -> None:
    many = [f"concept {number}" for number in range(20)]
    order = EvenOrder(many, seed=0)
    assert order.draw(0, 20) != order.draw(20, 20)
    assert sorted(order.draw(20, 20)) == list(range(20))
    assert order.draw(0, 20) != EvenOrder(many, seed=1).draw(0, 20)


def test_one_concept_goes_through_its_images_in_turns() -> None:
    order = EvenOrder(["rex"] * 4, seed=0)
    turns = [order.draw(start, 4) for start in range(0, 40, 4)]
    assert all(sorted(turn) == [0, 1, 2, 3] for turn in turns)
    assert len({tuple(turn) for turn in turns}) > 3


def test_a_permutation_is_a_function_of_its_parts() -> None:
    assert permutation(50, 1, "a") == permutation(50, 1, "a") != permutation(50, 1, "b")
    assert sorted(permutation(50, 1, "a")) == list(range(50))


def _draw(micro_step: int, rank: int = 0, processes: int = 1, seed: int = 0) -> tuple[list[int], torch.Tensor]:
    batch = draw_micro_batch(EvenOrder(CONCEPTS, seed), MicroStep(micro_step, rank, processes), 4, (4, 2, 2), 1000)
    return batch.rows.tolist(), torch.cat([batch.noise.flatten(), batch.timesteps.float()])


def test_a_micro_batch_is_a_function_of_seed_micro_step_and_rank() -> None:
    torch.manual_seed(1)
    first = _draw(7)
    torch.manual_seed(2)
    assert _draw(7)[0] == first[0]
    assert torch.equal(_draw(7)[1], first[1])
    for other in (_draw(8), _draw(7, rank=1, processes=2), _draw(7, seed=1)):  # one rank's part is not another's
        assert not torch.equal(other[1], first[1])


def test_processes_share_one_order() -> None:
    together = [row for step in range(5) for rank in range(3) for row in _draw(step, rank, processes=3)[0]]
    assert together == EvenOrder(CONCEPTS, 0).draw(0, 5 * 3 * 4)


def test_processes_draw_the_parts_of_one_processs_batch() -> None:
    order = EvenOrder(CONCEPTS, 0)
    whole = draw_micro_batch(order, MicroStep(7), 12, (4, 2, 2), 1000)
    parts = [draw_micro_batch(order, MicroStep(7, rank, 3), 4, (4, 2, 2), 1000) for rank in range(3)]
    for name in ("rows", "noise", "timesteps"):
        assert torch.equal(torch.cat([getattr(part, name) for part in parts]), getattr(whole, name)), name


def test_one_process_draws_what_it_always_drew() -> None:
    """A run of an earlier version is resumed to the same bits. The noise is rounded: processors differ in its last."""
    batch = draw_micro_batch(EvenOrder(["rex", "rex", "hat"], 5), MicroStep(7), 4, (4, 4, 4), 1000)
    assert batch.rows.tolist() == [2, 0, 1, 2]
    assert batch.timesteps.tolist() == [770, 948, 923, 169]
    assert batch.noise[:, 0, 0, 0].tolist() == pytest.approx([0.4721424, 0.7011132, -0.4198382, -2.0930476], abs=1e-6)
    assert batch.noise[3, 3, 3, 3].item() == pytest.approx(0.7094958, abs=1e-6)


def test_noise_is_normal_and_timesteps_cover_the_schedule() -> None:
    batch = draw_micro_batch(EvenOrder(["rex"], 0), MicroStep(0), 4000, (4, 2, 2), 10)
    assert batch.noise.mean().abs() < 0.02
    assert batch.noise.std() == pytest.approx(1, abs=0.02)
    assert set(batch.timesteps.tolist()) == set(range(10))


def test_drawing_leaves_the_global_randomness_alone() -> None:
    before = torch.random.get_rng_state()
    _draw(3)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert generator_for(1).initial_seed() == seed_for(1)


def test_a_later_order_begins_at_its_micro_step_and_is_another_order_of_the_seed() -> None:
    part = EvenOrder(CONCEPTS, 4, {"rex": 0.2}, "since step 5")
    later = LaterOrder(part, since=5)
    assert later.seed == 4
    assert [later.draw(number * 6, 6) for number in (5, 6)] == [part.draw(0, 6), part.draw(6, 6)]
    drawn = Counter(CONCEPTS[row] for row in part.draw(0, 11 * 20))
    assert drawn == {"rex": 20, "hat": 100, "mug": 100}
    assert part.draw(0, 22) != EvenOrder(CONCEPTS, 4, {"rex": 0.2}).draw(0, 22)
