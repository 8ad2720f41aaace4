"""Put numbered pictures on sheets, enlarged, without a word about them."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

ACROSS, DOWN, TIMES, LINE, GAP = 5, 4, 2, 24, 8
PAPER, INK = "#ffffff", "#000000"


def write_sheets(pictures: Sequence[Image.Image], folder: Path) -> list[Path]:
    """Write the pictures, numbered from 0, onto sheets in a folder. Return the files in order."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for first in range(0, len(pictures), ACROSS * DOWN):
        path = folder / f"sheet-{first:03}.png"
        sheet(pictures[first : first + ACROSS * DOWN], first).save(path)
        files.append(path)
    return files


def sheet(pictures: Sequence[Image.Image], first: int) -> Image.Image:
    """Return one sheet, whose first picture has the number `first`."""
    side = pictures[0].width * TIMES
    rows = -(-len(pictures) // ACROSS)
    made = Image.new("RGB", (ACROSS * (side + GAP), rows * (side + LINE)), PAPER)
    pen, font = ImageDraw.Draw(made), ImageFont.load_default(18)
    for at, picture in enumerate(pictures):
        x, y = at % ACROSS * (side + GAP), at // ACROSS * (side + LINE)
        pen.text((x, y), f"{first + at:03}", INK, font)
        made.paste(picture.resize((side, side), Image.Resampling.NEAREST), (x, y + LINE))
    return made
