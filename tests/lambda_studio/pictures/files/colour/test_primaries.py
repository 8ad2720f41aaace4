"""Colour spaces by numbers: curves and matrices that are known."""

import numpy as np
import pytest
from PIL import Image

from lambda_studio.pictures.files.colour.primaries import (
    ADOBE,
    CURVES,
    PRIMARIES,
    SRGB,
    encode_srgb,
    srgb_curve,
    stated_in_png,
)


def colour(*rgb: int) -> Image.Image:
    return Image.new("RGB", (1, 1), rgb)


def test_srgb_is_left_as_it_is() -> None:
    grey = Image.fromarray(np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 256, 3))
    assert np.array_equal(np.asarray(encode_srgb(grey, SRGB, srgb_curve)), np.asarray(grey))


@pytest.mark.parametrize("primaries", [*PRIMARIES.values(), ADOBE])
def test_white_and_black_are_the_same_everywhere(primaries) -> None:
    assert encode_srgb(colour(255, 255, 255), primaries, srgb_curve).getpixel((0, 0)) == (255, 255, 255)
    assert encode_srgb(colour(0, 0, 0), primaries, srgb_curve).getpixel((0, 0)) == (0, 0, 0)


def test_a_display_p3_orange_has_its_known_srgb_value() -> None:
    red, green, blue = encode_srgb(colour(200, 140, 100), PRIMARIES[12], srgb_curve).getpixel((0, 0))
    assert (red, green, blue) == pytest.approx((211, 137, 92), abs=1)  # by the matrix of CSS Color 4


@pytest.mark.parametrize("curve", CURVES.values())
def test_curves_go_from_0_to_1_and_rise(curve) -> None:
    values = curve(np.linspace(0, 1, 256))
    assert values[0] == 0 and values[-1] == pytest.approx(1) and (np.diff(values) > 0).all()


def test_what_encoders_state_for_srgb_is_nothing_and_an_impossible_gamma_is_an_error() -> None:
    assert stated_in_png({}) is None
    assert stated_in_png({"gamma": 0.45455, "chromaticity": SRGB}) is None
    assert stated_in_png({"chromaticity": ADOBE}) == (ADOBE, srgb_curve)
    with pytest.raises(ValueError, match=r"gAMA is 0\.001"):
        stated_in_png({"gamma": 0.001})
