"""Sheets of drawn pictures."""

from collections.abc import Sequence
from pathlib import Path

from lambda_studio.config import require
from lambda_studio.pictures.files.png import decode_png
from lambda_studio.pictures.outputs import write_picture
from lambda_studio.pictures.sheet import MOST, draw_sheet
from lambda_studio.workflows.answers.pictures import Drawn, DrawnPicture


def write_sheet(drawn: Sequence[Drawn], out: Path) -> Path:
    """Write one sheet of all pictures, each with its prompt, seed and likeness, under a free name; return its path.

    Raises InvalidSetting if there are too many pictures for one sheet.
    """
    pairs = [(each, picture) for each in drawn for picture in each.pictures]
    require(len(pairs) <= MOST, f"A sheet of {len(pairs)} pictures is too large.", f"Draw up to {MOST}.")
    images = [decode_png(picture.path.read_bytes()) for _, picture in pairs]
    several = len({each.prompt for each in drawn}) > 1
    labels = [_label(each if several else None, picture) for each, picture in pairs]
    title = "" if several or not drawn else drawn[0].prompt
    return write_picture(draw_sheet(images, labels, title=title), {}, out, "sheet")


def _label(drawn: Drawn | None, picture: DrawnPicture) -> str:
    likeness = "".join(f", {name} {value:.2f}" for name, by in picture.likeness.items() for value in [*by.values()][:1])
    return f"seed {picture.seed}{likeness}\n{drawn.prompt if drawn else ''}".strip()
