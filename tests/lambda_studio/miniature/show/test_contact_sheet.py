"""Where pictures stand on a contact sheet."""

from pathlib import Path

import pytest
from PIL import Image

from lambda_studio.miniature.show.contact_sheet import GAP, MARGIN, TILE, Row, draw_sheet


@pytest.fixture
def pictures(tmp_path: Path) -> dict[str, Path]:
    colours = ("red", "lime", "blue", "yellow", "cyan")
    for colour in colours:
        Image.new("RGB", (64, 64), colour).save(tmp_path / f"{colour}.png")
    return {colour: tmp_path / f"{colour}.png" for colour in colours}


def test_references_come_first_and_groups_stand_side_by_side(pictures: dict[str, Path]) -> None:
    references = [Row("rex", ((pictures["red"], pictures["lime"]),))]
    rows = [
        Row("a rex", ((pictures["blue"],), (pictures["yellow"],)), notes=("0.5", "0.9")),
        Row("two", ((pictures["cyan"],), (pictures["red"],))),
    ]
    sheet = draw_sheet("title", ("before", "after"), references, rows)
    group = TILE + GAP + 3 * GAP
    top = MARGIN + 44 + 22 + TILE // 2
    first = MARGIN + 44 + (TILE + 34) + 34 + 22 + TILE // 2
    found = [
        sheet.getpixel(place)
        for place in (
            (MARGIN + TILE // 2, top), (MARGIN + TILE + GAP + TILE // 2, top),
            (MARGIN + TILE // 2, first), (MARGIN + group + TILE // 2, first),
            (MARGIN + TILE // 2, first + TILE + 54), (MARGIN + group + TILE // 2, first + TILE + 54),
        )
    ]  # fmt: skip
    names = {
        "red": (255, 0, 0),
        "lime": (0, 255, 0),
        "blue": (0, 0, 255),
        "yellow": (255, 255, 0),
        "cyan": (0, 255, 255),
    }
    assert found == [names[colour] for colour in ("red", "lime", "blue", "yellow", "cyan", "red")]
    assert sheet.height == first - TILE // 2 - 22 + 2 * (TILE + 54) + MARGIN


def test_notes_are_written_under_their_groups(pictures: dict[str, Path]) -> None:
    def drawn(*notes: str) -> Image.Image:
        row = Row("a rex", ((pictures["blue"],), (pictures["yellow"],)), notes)
        return draw_sheet("title", ("before", "after"), [Row("rex", ((pictures["red"],),))], [row])

    bare, left, both = drawn(), drawn("0.5"), drawn("0.5", "0.9")
    under = bare.height - MARGIN - 54
    width = bare.width // 2
    changed = [
        [before.crop(half).tobytes() != after.crop(half).tobytes() for half in
         ((0, under, width, bare.height), (width, under, bare.width, bare.height))]
        for before, after in ((bare, left), (left, both))
    ]  # fmt: skip
    assert changed == [[True, False], [False, True]]
