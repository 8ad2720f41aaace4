"""Boxes and points: in pixels of the picture as it was given, or in percent, and never outside."""

import pytest

from lambda_studio.errors import MaskRefused
from lambda_studio.pictures.masks.marks import Box, Point

STORED, GIVEN = (1536, 1152), (3072, 2304)


def test_pixels_are_those_of_the_picture_as_it_was_given() -> None:
    assert Box(100, 200, 1000, 800).on(STORED, GIVEN, "a.jpg") == (50, 100, 550, 500)
    assert Point(3071, 2303).on(STORED, GIVEN, "a.jpg") == (1535, 1151)


def test_percent_are_of_any_size() -> None:
    for given in (STORED, GIVEN):
        assert Box(25, 50, 75, 50, percent=True).on(STORED, given, "a.jpg") == (384, 576, 1536, 1152)
        assert Point(50, 25, percent=True).on(STORED, given, "a.jpg") == (768, 288)


def test_shares_in_place_of_percent_are_understood() -> None:
    with pytest.raises(MaskRefused) as caught:
        Box(0.25, 0.3, 0.5, 0.6).on(STORED, GIVEN, "a.jpg")
    assert caught.value.remedy == "Numbers without % are pixels. Did you mean 25%,30%,50%,60%?"


@pytest.mark.parametrize(
    ("mark", "said"),
    [
        (Box(2000, 0, 1073, 10), "The box 2000,0,1073,10 reaches outside a.jpg, which has 3072 x 2304 pixels."),
        (Box(60, 0, 50, 10, True), "The box 60%,0%,50%,10% reaches outside a.jpg, which has 3072 x 2304 pixels."),
        (Box(5, 5, 0, 10), "The box 5,5,0,10 for a.jpg is empty."),
        (Box(5, 5, 8, 800), "The box 5,5,8,800 for a.jpg is too small."),
        (Point(3072, 0), "The point 3072,0 is outside a.jpg, which has 3072 x 2304 pixels."),
        (Point(50, 100, True), "The point 50%,100% is outside a.jpg, which has 3072 x 2304 pixels."),
    ],
    ids=str,
)
def test_a_mark_outside_or_too_small_is_refused_with_the_size(mark, said) -> None:
    with pytest.raises(MaskRefused) as caught:
        mark.on(STORED, GIVEN, "a.jpg")
    assert caught.value.cause == said and caught.value.remedy
