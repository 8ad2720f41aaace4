"""Mask files as people have them: what is drawn is the mask, and no stray pixel turns it over."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lambda_studio.pictures.files.mask_evidence import mask_of
from lambda_studio.pictures.files.opening import open_mask

INPUTS = Path(__file__).parents[4] / ".." / "shared" / "inputs"
NAMES = ["bw_rgba_one_clear_pixel.png", "bw_rgba_alpha254.png", "pal_trns_white.png", "erased_subject.png"]


@pytest.mark.parametrize("name", NAMES)
def test_the_box_that_a_mask_draws_is_the_subject(name) -> None:
    box = np.zeros((320, 240), bool)
    box[60:300, 60:200] = True
    found = np.asarray(open_mask(INPUTS / name).image) >= 128
    assert (found & box).sum() / (found | box).sum() > 0.98


def planes(colour: tuple[int, int, int], alpha: np.ndarray) -> tuple[Image.Image, Image.Image]:
    return Image.new("RGB", (40, 40), colour), Image.fromarray(alpha)


@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0)])
def test_one_colour_painted_on_a_clear_layer_is_the_subject(colour) -> None:
    alpha = np.zeros((40, 40), np.uint8)
    alpha[10:20, 10:20] = 255
    assert mask_of(*planes(colour, alpha)).tobytes() == alpha.tobytes()


def test_a_cut_out_photograph_is_opaque_where_the_subject_is() -> None:
    rgb = Image.linear_gradient("L").resize((40, 40)).convert("RGB")
    alpha = np.zeros((40, 40), np.uint8)
    alpha[10:40, 10:30] = 255
    assert mask_of(rgb, Image.fromarray(alpha)).tobytes() == alpha.tobytes()


def test_black_and_white_count_more_than_transparency_also_where_the_clear_part_reaches_the_border() -> None:
    drawn = np.zeros((40, 40), np.uint8)
    drawn[:20, 10:30] = 255
    white_is_clear = Image.fromarray(255 - drawn)
    assert mask_of(Image.fromarray(drawn).convert("RGB"), white_is_clear).tobytes() == drawn.tobytes()
