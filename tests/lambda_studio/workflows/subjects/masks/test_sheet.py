"""A sheet of masks: inside a mask the picture is as it was, outside it is pale, and between the two is an edge."""

import numpy as np
from PIL import Image, ImageFont

from lambda_studio.workflows.subjects.masks.sheet import (
    EDGE,
    GAP,
    LABEL,
    TILE,
    MaskedPicture,
    _fitting,
    draw_mask_sheet,
)

BLUE = Image.new("RGB", (TILE, TILE), (0, 0, 255))


def tile(mask: Image.Image | None, image: Image.Image = BLUE) -> np.ndarray:
    sheet = draw_mask_sheet([MaskedPicture(image, mask, ("1. a.png",))], 1)
    return np.asarray(sheet)[GAP : GAP + TILE, GAP : GAP + TILE]


def test_what_is_no_subject_is_washed_out_and_the_edge_is_drawn() -> None:
    mask = Image.new("L", (TILE, TILE))
    mask.paste(255, (0, 0, TILE // 2, TILE))
    pixels = tile(mask)
    assert pixels[100, 20].tolist() == [0, 0, 255]
    assert pixels[100, TILE // 2].tolist() == list(EDGE)
    outside = pixels[100, TILE - 20]
    assert outside.min() > 150 and len({*outside.tolist()}) == 1, "pale and grey"


def test_without_a_mask_all_of_the_picture_is_the_subject() -> None:
    assert (tile(None) == (0, 0, 255)).all()


def test_a_wide_picture_lies_in_the_middle_of_its_square() -> None:
    pixels = tile(None, Image.new("RGB", (2 * TILE, TILE), (0, 0, 255)))
    rows = (pixels == (0, 0, 255)).all(axis=(1, 2)).nonzero()[0]
    assert (rows[0], rows[-1]) == (TILE // 4, 3 * TILE // 4 - 1)


def test_four_pictures_are_a_row_and_the_fifth_begins_another() -> None:
    def size(count: int) -> tuple[int, int]:
        return draw_mask_sheet([MaskedPicture(BLUE, None, ())] * count, count).size

    side, height = TILE + GAP, TILE + LABEL + GAP
    assert [size(1), size(4), size(5)] == [
        (GAP + side, GAP + height),
        (GAP + 4 * side, GAP + height),
        (GAP + 4 * side, GAP + 2 * height),
    ]


def test_a_line_that_is_too_wide_is_cut_in_its_middle() -> None:
    font = ImageFont.load_default(14)
    assert _fitting("1. rex.png", font) == "1. rex.png"
    cut = _fitting(f"12. {'a' * 200}.png", font)
    assert cut.startswith("12. a") and cut.endswith("a.png") and "…" in cut
    assert font.getlength(cut) <= TILE


def test_a_tick_stands_at_every_10_percent_above_and_left_of_a_picture() -> None:
    sheet = np.asarray(draw_mask_sheet([MaskedPicture(Image.new("RGB", (100, 50), "blue"), None, ())], 1))
    top = GAP + TILE // 4  # a wide picture lies in the middle of its square
    above, left = sheet[top - 3, GAP : GAP + TILE].max(axis=-1), sheet[top : top + TILE // 2, GAP - 3].max(axis=-1)
    ticks = [tenth * (TILE - 1) // 10 for tenth in range(11)]
    assert np.flatnonzero(above < 100).tolist() == ticks
    assert np.flatnonzero(left < 100).tolist() == [tenth * (TILE // 2 - 1) // 10 for tenth in range(11)]
