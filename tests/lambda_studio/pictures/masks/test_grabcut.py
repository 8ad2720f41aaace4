"""GrabCut by colour: what it finds on a plain picture, and what it says where there is nothing to find."""

import numpy as np

from lambda_studio.pictures.masks.grabcut import grabcut


def test_a_coloured_square_is_found_in_a_picture_of_any_shape() -> None:
    pixels = np.random.default_rng(0).normal((90, 150, 70), 4, (120, 200, 3)).clip(0, 255).astype(np.uint8)
    pixels[30:90, 70:130] = (190, 60, 50)
    square = np.zeros((120, 200), bool)
    square[30:90, 70:130] = True
    found = grabcut(pixels)
    assert (found & square).sum() / (found | square).sum() > 0.9


def test_nothing_is_found_in_a_picture_of_one_colour() -> None:
    assert not grabcut(np.full((64, 64, 3), 100, np.uint8)).any()
