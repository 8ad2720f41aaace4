"""Blurred subjects are told from sharp ones, also where only the background is blurred."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from lambda_studio.pictures.sharpness import BLURRED, blur, blur_warnings


def leaves(side: int = 200) -> Image.Image:
    """Return discs over discs: edges everywhere, as in a photograph."""
    chosen, image = np.random.default_rng(1), Image.new("RGB", (side, side))
    for x, y, radius, *colour in chosen.integers((0, 0, 4, 0, 0, 0), (side, side, 20, 255, 255, 255), (900, 6)):
        ImageDraw.Draw(image).ellipse((x - radius, y - radius, x + radius, y + radius), fill=tuple(map(int, colour)))
    return image


@pytest.mark.parametrize(
    "blurred", [ImageFilter.GaussianBlur(3), ImageFilter.BoxBlur((12, 0))], ids=["focus", "motion"]
)
def test_a_blurred_picture_is_warned_of_and_a_sharp_one_is_not(blurred) -> None:
    assert blur_warnings(leaves(), None) == ()
    assert blur_warnings(leaves().filter(blurred), None) == ("its subject is blurred",)


def test_only_the_subjects_box_counts() -> None:
    portrait = leaves().filter(ImageFilter.GaussianBlur(4))
    portrait.paste(leaves(80), (60, 60))
    mask = Image.new("L", portrait.size)
    ImageDraw.Draw(mask).ellipse((60, 60, 140, 140), fill=255)
    assert blur(portrait, mask) < BLURRED < blur(portrait)


def test_a_large_picture_is_compared_at_the_size_of_drawn_ones() -> None:
    large = leaves(300).resize((3000, 3000), Image.Resampling.BICUBIC)
    assert blur(large) < BLURRED < blur(large.crop((0, 0, 400, 400)))


def test_a_picture_of_one_colour_is_not_blurred() -> None:
    assert blur(Image.new("RGB", (64, 64), "red")) == 0
