"""Drawn pictures in words."""

from pathlib import Path

import pytest

from cli.texts.drawing_lines import notices, picture_lines, sameness
from lambda_studio.workflows.answers.pictures import Drawn, DrawnAdapter, DrawnAgain, DrawnPicture


def drawn(*adapters: DrawnAdapter) -> Drawn:
    return Drawn("a <rex>", (DrawnPicture(Path("a.png"), 1),), "tiny", None, False, 64, 64, adapters)


def test_the_adapter_that_was_chosen_is_said_once() -> None:
    three, half = DrawnAdapter(3, "ab", 1.0), DrawnAdapter(3, "ab", 0.5)
    every = [drawn(three), drawn(three), drawn(half), drawn()]
    assert list(picture_lines(every)) == ["a.png"] * 4
    assert list(notices(every, every, Path("s.png"), by_itself=True)) == [
        "All pictures: s.png",
        "Drawn with adapter 3; --adapter none draws without.",
        "Drawn with adapter 3, scaled by 0.5; --adapter none draws without.",
    ]
    assert list(notices(every, every, None, by_itself=False)) == []


@pytest.mark.parametrize(("difference", "said"), [(0, "pixel for pixel"), (1, "but for rounding"), (9, "It is not")])
def test_a_picture_that_was_drawn_again_is_compared(difference, said) -> None:
    again = DrawnAgain(drawn(DrawnAdapter(3, "ab", 1.0)), (), difference)
    (line,) = notices(again, [again.drawn], None, by_itself=True)
    assert said in line and [line] == list(sameness(difference))


def test_a_picture_with_other_settings_is_not_compared() -> None:
    again = DrawnAgain(drawn(), (), None)
    assert list(notices(again, [again.drawn], None, by_itself=True)) == []
