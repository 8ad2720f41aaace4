"""Each picture is shown in every place, and dresses and places take turns."""

import pytest

from lambda_studio.workflows.tuning.other_scenes import DRESSES, PLACES, dressed, placed


@pytest.mark.parametrize("pictures", [1, 2, 9])
def test_a_picture_is_shown_in_every_place_once(pictures: int) -> None:
    prompts = placed("<rex>", pictures)
    for picture in range(pictures):
        assert sorted(prompts[picture::pictures]) == sorted(f"a <rex> {place}" for place in PLACES)
    assert pictures == 1 or prompts[0] != prompts[1], "one place is not for one step's pictures alone"


@pytest.mark.parametrize(("pictures", "each"), [(1, 2), (3, 1), (5, 6), (12, 2)])
def test_all_dresses_and_places_are_worn_before_one_is_again(pictures: int, each: int) -> None:
    prompts = dressed("<rex>", pictures, each)
    assert len(prompts) == each * pictures and all(prompt.startswith("a <rex> ") for prompt in prompts)
    for things in (DRESSES, PLACES):
        counts = [sum(thing in prompt for prompt in prompts) for thing in things]
        assert sum(counts) == len(prompts) and max(counts) - min(counts) <= 1
