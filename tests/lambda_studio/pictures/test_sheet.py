"""Pictures on one sheet."""

import numpy as np
from PIL import Image

from lambda_studio.pictures.sheet import GAP, LINE, SMALLEST_TILE, draw_sheet

COLOURS = ["red", "green", "blue", "black", "purple"]


def test_pictures_stand_in_rows_in_their_order() -> None:
    tiles = [Image.new("RGB", (32, 16), colour) for colour in COLOURS]
    sheet = draw_sheet(tiles, COLOURS)
    assert sheet.size == (GAP + 3 * (SMALLEST_TILE + GAP), GAP + 2 * (SMALLEST_TILE // 2 + LINE + GAP))
    for number, tile in enumerate(tiles):
        x = GAP + number % 3 * (SMALLEST_TILE + GAP) + 5
        y = GAP + number // 3 * (SMALLEST_TILE // 2 + LINE + GAP) + 5
        assert sheet.getpixel((x, y)) == tile.getpixel((0, 0))
    assert draw_sheet(tiles, COLOURS, columns=1).width == GAP + SMALLEST_TILE + GAP


def test_a_long_label_is_cut_to_its_tile() -> None:
    sheet = np.asarray(draw_sheet([Image.new("RGB", (32, 32), "white")] * 2, ["x" * 400, ""], columns=2))
    assert (sheet[:, GAP + SMALLEST_TILE :] == 255).all() and not (sheet == 255).all()
