"""Draw pictures on one sheet, each with a line under it."""

from collections.abc import Sequence
from math import ceil, sqrt

from PIL import Image, ImageDraw, ImageFont

LARGEST_TILE, SMALLEST_TILE = 256, 160
GAP, LINE = 8, 14
MOST_LINES = 4
"""The most lines under a picture."""
INK, PAPER = "#20242a", "#ffffff"
MOST = 400
"""The most pictures on one sheet."""


def draw_sheet(
    pictures: Sequence[Image.Image], labels: Sequence[str], columns: int | None = None, title: str = ""
) -> Image.Image:
    """Return a sheet of pictures in rows, in their order, each with its label, which is wrapped to the picture's width.

    Args:
        columns: None makes the sheet about square.
        title: a line above all pictures.
    """
    across = columns or ceil(sqrt(len(pictures)))
    width = min(LARGEST_TILE, max(SMALLEST_TILE, max(each.width for each in pictures)))
    tiles = [each.resize((width, max(1, round(each.height * width / each.width)))) for each in pictures]
    height = max(tile.height for tile in tiles)
    down, font = ceil(len(tiles) / across), ImageFont.load_default(11)
    said = [_wrapped(font, label, width)[:MOST_LINES] for label in labels]
    under = LINE * max(map(len, said))
    whole = GAP + across * (width + GAP)
    headings = _wrapped(font, title, whole - 2 * GAP)
    above = LINE * len(headings)
    sheet = Image.new("RGB", (whole, GAP + above + down * (height + under + GAP)), PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.multiline_text((GAP, GAP // 2), "\n".join(headings), INK, font)
    for number, (tile, lines) in enumerate(zip(tiles, said, strict=True)):
        x, y = GAP + number % across * (width + GAP), GAP + above + number // across * (height + under + GAP)
        sheet.paste(tile, (x, y))
        pen.multiline_text((x, y + height + 1), "\n".join(lines), INK, font)
    return sheet


def _wrapped(font: ImageFont.FreeTypeFont | ImageFont.ImageFont, text: str, width: int) -> list[str]:
    """Return the lines of a text, wrapped to a width. A word that is too long is cut."""
    lines: list[str] = []
    for part in text.splitlines():
        line = ""
        for word in part.split():
            longer = f"{line} {word}".strip()
            if line and font.getlength(longer) > width:
                lines.append(line)
                longer = word
            line = _cut(font, longer, width)
        lines.append(line)
    return lines


def _cut(font: ImageFont.FreeTypeFont | ImageFont.ImageFont, text: str, width: int) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}…") > width:
        text = text[:-1]
    return f"{text}…"
