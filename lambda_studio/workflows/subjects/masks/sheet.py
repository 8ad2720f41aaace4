"""Draw a sheet of a concept's reference images with their masks as overlays, so that a user can check the masks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

TILE, GAP, LABEL, COLUMNS = 256, 12, 40, 4
INK, PAPER, EDGE = "#20242a", "#ffffff", (230, 40, 120)


@dataclass(frozen=True)
class MaskedPicture:
    """A reference image, its mask (None: the whole image is the subject), and the lines of its label."""

    image: Image.Image
    mask: Image.Image | None
    label: Sequence[str]


def draw_mask_sheet(pictures: Iterable[MaskedPicture], count: int, columns: int = COLUMNS) -> Image.Image:
    """Draw `count` pictures in rows, with a pale background and a line around the subject.

    Each is asked for when it is drawn, so that only one of them is in memory.
    """
    columns = min(columns, count)
    rows = -(-count // columns)
    size = (GAP + columns * (TILE + GAP), GAP + rows * (TILE + LABEL + GAP))
    sheet = Image.new("RGB", size, PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for index, picture in enumerate(pictures):
        x, y = GAP + index % columns * (TILE + GAP), GAP + index // columns * (TILE + LABEL + GAP)
        sheet.paste(_tile(picture), (x, y))
        _rule(pen, picture.image.size, (x, y))
        for number, line in enumerate(picture.label):
            pen.text((x, y + TILE + 3 + 17 * number), _fitting(line, font), INK, font)
    return sheet


def _tile(picture: MaskedPicture) -> Image.Image:
    """Centre one picture in a square."""
    image = picture.image.convert("RGB")
    image.thumbnail((TILE, TILE), Image.Resampling.LANCZOS)
    if picture.mask is not None:
        image = _washed(image, picture.mask.convert("L").resize(image.size, Image.Resampling.BILINEAR))
    tile = Image.new("RGB", (TILE, TILE), "#f0f0f0")
    tile.paste(image, ((TILE - image.width) // 2, (TILE - image.height) // 2))
    return tile


def _rule(pen: ImageDraw.ImageDraw, size: tuple[int, int], corner: tuple[int, int]) -> None:
    """Draw a tick at every 10 percent above and left of a picture, as boxes and points are counted."""
    width, height = (round(TILE * length / max(size)) for length in size)
    left, top = corner[0] + (TILE - width) // 2, corner[1] + (TILE - height) // 2
    for tenth in range(11):
        length = 7 if tenth % 5 == 0 else 4
        x, y = left + tenth * (width - 1) // 10, top + tenth * (height - 1) // 10
        pen.line((x, top - length, x, top - 1), INK)
        pen.line((left - length, y, left - 1, y), INK)


def _washed(image: Image.Image, mask: Image.Image) -> Image.Image:
    inside = mask.point(lambda value: 255 if value >= 128 else 0)
    pale = Image.blend(image.convert("L").convert("RGB"), Image.new("RGB", image.size, PAPER), 0.65)
    shown = Image.composite(image, pale, inside)
    edge = np.asarray(inside.filter(ImageFilter.MaxFilter(3))) != np.asarray(inside)
    pixels = np.array(shown)
    pixels[edge] = EDGE
    return Image.fromarray(pixels)


def _fitting(line: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """Return the line, shortened in the middle if it is wider than a tile."""
    shown = line
    while font.getlength(shown) > TILE and len(line) > 8:
        line = line[: len(line) // 2 - 1] + line[len(line) // 2 + 1 :]
        shown = f"{line[: len(line) // 2]}…{line[len(line) // 2 :]}"
    return shown
