"""Progress over pictures and their steps."""

import pytest

from lambda_studio.config import GenerateConfig
from lambda_studio.workflows.drawing.counting import by_picture


@pytest.mark.parametrize(
    ("at_once", "notes"),
    [
        (1, ["picture 1 of 3"] * 2 + ["picture 2 of 3"] * 2 + ["picture 3 of 3"] * 2),
        (2, ["pictures 1 to 2 of 3"] * 2 + ["picture 3 of 3"] * 2),
        (8, ["pictures 1 to 3 of 3"] * 2),
    ],
)
def test_each_step_notes_the_pictures_that_it_is_of(at_once, notes) -> None:
    told: list[tuple[int, str]] = []
    config = GenerateConfig(num_inference_steps=4, strength=0.5, batch_size=at_once)
    on_step = by_picture(lambda steps=1, note="": told.append((steps, note)), config, 3, 3)
    for done in range(1, len(notes) + 1):
        on_step(done, len(notes))
    assert told == [(1, note) for note in notes]


def test_pictures_of_other_settings_are_counted_and_one_alone_is_not() -> None:
    told: list[str] = []
    config = GenerateConfig(num_inference_steps=1, batch_size=2)
    by_picture(lambda steps=1, note="": told.append(note), config, 2, 6, before=3)(1, 1)
    by_picture(lambda steps=1, note="": told.append(note), config, 1, 1)(1, 1)
    assert told == ["pictures 4 to 5 of 6", ""]
