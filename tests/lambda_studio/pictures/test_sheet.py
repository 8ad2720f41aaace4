"""Pictures on one sheet."""

import numpy as np
from PIL import Image

from lambda_studio.pictures.sheet import GAP, LINE, MOST_LINES, SMALLEST_TILE, draw_sheet

COLOURS = ["red", "green", "blue", "black", "purple"]
TALL = SMALLEST_TILE // 2


def test_pictures_stand_in_rows_in_their_order() -> None:
    tiles = [Image.new("RGB", (32, 16), colour) for colour in COLOURS]
    sheet = draw_sheet(tiles, COLOURS)
    assert sheet.size == (GAP + 3 * (SMALLEST_TILE + GAP), GAP + 2 * (TALL + LINE + GAP))
    for number, tile in enumerate(tiles):
        x = GAP + number % 3 * (SMALLEST_TILE + GAP) + 5
        y = GAP + number // 3 * (TALL + LINE + GAP) + 5
        assert sheet.getpixel((x, y)) == tile.getpixel((0, 0))
    assert draw_sheet(tiles, COLOURS, columns=1).width == GAP + SMALLEST_TILE + GAP


def test_a_long_label_is_wrapped_to_its_picture_and_ends() -> None:
    tiles = [Image.new("RGB", (32, 32), "white")] * 2
    sheet = np.asarray(draw_sheet(tiles, ["word " * 400, ""], columns=2))
    assert len(sheet) == GAP + SMALLEST_TILE + MOST_LINES * LINE + GAP
    assert (sheet[:, GAP + SMALLEST_TILE :] == 255).all() and not (sheet == 255).all()
    cut = np.asarray(draw_sheet(tiles, ["x" * 400, ""], columns=2))
    assert len(cut) == GAP + SMALLEST_TILE + LINE + GAP and (cut[:, GAP + SMALLEST_TILE :] == 255).all()


def test_a_title_stands_above() -> None:
    tiles = [Image.new("RGB", (32, 32), "red")]
    sheet = draw_sheet(tiles, [""], title="a <rex>")
    assert sheet.getpixel((GAP + 1, GAP + LINE + 1)) == (255, 0, 0)
    assert (np.asarray(sheet)[: GAP + LINE] < 200).any()
