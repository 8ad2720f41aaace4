"""Randomness is a function of a seed and of the place where it is used."""

import pytest
import torch

from lambda_studio.miniature.world.seeding import choose, seeded, uniform


def drawn(*said: int | str) -> list[float]:
    return torch.rand(4, generator=seeded(*said)).tolist()


def test_the_same_seed_in_the_same_place_draws_the_same() -> None:
    assert drawn(1, "corpus", 3) == drawn(1, "corpus", 3)
    before = drawn(1, "corpus")
    torch.manual_seed(99)
    assert drawn(1, "corpus") == before, "the global generator has no part in it"


def test_every_word_and_where_it_ends_counts() -> None:
    places = [(1,), (2,), (1, "clip"), (1, "clip", 0), (1, "clip", 1), (1, "clip1"), (1, "cli", "p"), (1, "p", "cli")]
    assert len({tuple(drawn(*place)) for place in places}) == len(places)


def test_a_generator_is_made_on_its_device_and_on_the_cpu_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, generator = [], torch.Generator
    monkeypatch.setattr(torch, "Generator", lambda device: asked.append(device) or generator())
    there = [seeded(1, "decoder", 3).initial_seed(), seeded(1, "decoder", 3, device="cuda").initial_seed()]
    assert asked == ["cpu", "cuda"]
    assert there[0] == there[1], "the device is no part of the seed"


def test_todays_numbers_are_those_that_the_weights_were_trained_with() -> None:
    assert seeded(20, "corpus", 36_000).initial_seed() == 4278487198870714431


def test_drawn_numbers_are_in_their_range() -> None:
    numbers, chosen = uniform(seeded(1), 500, low=-2.0, high=3.0), choose(seeded(1), 4, 500)
    assert numbers.min() >= -2 and numbers.max() < 3 and numbers.max() - numbers.min() > 4.5
    assert chosen.unique().tolist() == [0, 1, 2, 3]
