"""Draw pictures on one sheet, each with a line under it."""

from collections.abc import Sequence
from math import ceil, sqrt

from PIL import Image, ImageDraw, ImageFont

LARGEST_TILE, SMALLEST_TILE = 256, 128
GAP, LINE = 8, 16
INK, PAPER = "#20242a", "#ffffff"
MOST = 400
"""The most pictures on one sheet."""


def draw_sheet(pictures: Sequence[Image.Image], labels: Sequence[str], columns: int | None = None) -> Image.Image:
    """Return a sheet of pictures in rows, in their order, each with its label.

    Args:
        columns: None makes the sheet about square.
    """
    across = columns or ceil(sqrt(len(pictures)))
    width = min(LARGEST_TILE, max(SMALLEST_TILE, max(each.width for each in pictures)))
    tiles = [each.resize((width, max(1, round(each.height * width / each.width)))) for each in pictures]
    height = max(tile.height for tile in tiles)
    down = ceil(len(tiles) / across)
    sheet = Image.new("RGB", (GAP + across * (width + GAP), GAP + down * (height + LINE + GAP)), PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    for number, (tile, label) in enumerate(zip(tiles, labels, strict=True)):
        x, y = GAP + number % across * (width + GAP), GAP + number // across * (height + LINE + GAP)
        sheet.paste(tile, (x, y))
        pen.text((x, y + height + 1), _fitted(pen, font, label, width), INK, font)
    return sheet


def _fitted(pen: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, text: str, width: int) -> str:
    """Return the text, cut to a width."""
    if pen.textlength(text, font) <= width:
        return text
    while text and pen.textlength(f"{text}…", font) > width:
        text = text[:-1]
    return f"{text}…"
