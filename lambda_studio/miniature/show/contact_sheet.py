"""Draw a contact sheet: references, and each prompt's pictures before and after fine-tuning, with labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

TILE, GAP, MARGIN = 128, 6, 18
INK, FAINT, PAPER = "#20242a", "#6a7078", "#ffffff"


@dataclass(frozen=True)
class Row:
    """A labelled row of pictures, with space between its `groups`."""

    label: str
    groups: tuple[tuple[Path, ...], ...]
    notes: tuple[str, ...] = ()


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def draw_sheet(title: str, headings: Sequence[str], references: Sequence[Row], rows: Sequence[Row]) -> Image.Image:
    """Draw the sheet, with `headings` above the groups of `rows` and each row's `notes` below its groups."""
    count = max(len(group) for row in rows for group in row.groups)
    group_width = count * (TILE + GAP) + 3 * GAP
    widest_reference = max(len(row.groups[0]) for row in references) * (TILE + GAP)
    width = 2 * MARGIN + max(len(headings) * group_width, widest_reference)
    height = 2 * MARGIN + 44 + len(references) * (TILE + 34) + 34 + len(rows) * (TILE + 54)
    sheet = Image.new("RGB", (width, height), PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((MARGIN, MARGIN), title, INK, _font(22))
    y = MARGIN + 44
    for row in references:
        pen.text((MARGIN, y), row.label, INK, _font(15))
        _paste(sheet, row.groups[0], MARGIN, y + 22)
        y += TILE + 34
    for i, heading in enumerate(headings):
        pen.text((MARGIN + i * group_width, y + 6), heading, INK, _font(18))
    y += 34
    for row in rows:
        pen.text((MARGIN, y), row.label, INK, _font(15))
        for i, group in enumerate(row.groups):
            _paste(sheet, group, MARGIN + i * group_width, y + 22)
        for i, note in enumerate(row.notes):
            pen.text((MARGIN + i * group_width, y + TILE + 25), note, FAINT, _font(13))
        y += TILE + 54
    return sheet


def _paste(sheet: Image.Image, pictures: Sequence[Path], x: int, y: int) -> None:
    for i, path in enumerate(pictures):
        with Image.open(path, formats=("PNG",)) as picture:
            tile = picture.convert("RGB").resize((TILE, TILE), Image.Resampling.LANCZOS)
        sheet.paste(tile, (x + i * (TILE + GAP), y))
