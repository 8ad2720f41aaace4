"""What commands that add pictures are told about masks, and what they say about the masks that were found."""

import os
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.texts.tables import counted

if TYPE_CHECKING:
    from lambda_studio.pictures.masks.marks import Box, Point
    from lambda_studio.studio import Added, Called, Mark

WAYS = ("auto", "alpha", "salient", "grabcut", "grounded", "none")
CALLED, CALLED_FILE = re.compile(r"(.+)=([^=]+)", re.DOTALL), re.compile(r"([^=]+)=(.+)", re.DOTALL)
"""An image, by its number or its file's name, and a mark or a mask's file."""
ORDINAL = re.compile(r"[0-9]{1,9}")
NUMBER = r"\s*([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*(%?)\s*"


box_option = click.option(
    "--box",
    "boxes",
    multiple=True,
    metavar="N=x,y,w,h",
    help="Give a box around the subject of image N, in pixels of the upright picture or in percent "
    "(2=25%,30%,50%,60%). N is the image's number or file name. Repeat it for more.",
)
point_option = click.option(
    "--point",
    "points",
    multiple=True,
    metavar="N=x,y",
    help="Give a point on the subject of image N, in the units of --box. Repeat it for more.",
)


def _that_can_be(ctx: click.Context, param: click.Parameter, value: Path | None) -> Path | None:
    """Return the sheet's file after its name was checked, so that nothing is stored before a bad name is refused."""
    from lambda_studio.pictures.outputs import require_sheet

    if value is not None:
        require_sheet(value)
    return value


sheet_option = click.option(
    "--sheet",
    type=click.Path(path_type=Path),
    metavar="FILE.png",
    callback=_that_can_be,
    help="Draw its images with their masks into this file.",
)


def segments_option(help_text: str) -> Callable[[Any], Any]:
    """Return the option `--segment`, for all pictures or for one."""
    return click.option(
        "--segment",
        multiple=True,
        metavar=f"[N=]{'|'.join(WAYS)}",
        help=f"{help_text} With N= for image N only; repeat it for more.  [default: auto]",
    )


def ways(segment: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Return the way of all pictures, and the texts `N=WAY`."""
    numbered = tuple(text for text in segment if CALLED.fullmatch(text))
    for_all = [text for text in segment if text not in numbered]
    if len({*for_all}) > 1:
        raise click.UsageError(f"--segment is given as {' and '.join(for_all)}. Give one, and N=WAY for single images.")
    for way in (*for_all, *(text.rpartition("=")[2] for text in numbered)):
        if way not in WAYS:
            raise click.UsageError(f"--segment {way!r} is not one of: {', '.join(WAYS)}, also as N=WAY.")
    return (for_all or ["auto"])[0], numbered


def in_order(
    masks: tuple[str, ...], boxes: tuple[str, ...], points: tuple[str, ...], segments: tuple[str, ...]
) -> "tuple[Path, ...] | dict[Called, Mark]":
    """Return mask files in the order of the images, or what is said of single images, by their numbers or names."""
    single = [text for text in masks if CALLED_FILE.fullmatch(text) and not os.path.lexists(text)]
    if len(single) == len(masks):
        return marks(masks, boxes, points, segments)
    if boxes or points or segments or single:
        raise click.UsageError("Masks without numbers are for all images. For single images, give --mask N=FILE.")
    return tuple(map(Path, masks))


def marks(
    masks: tuple[str, ...], boxes: tuple[str, ...], points: tuple[str, ...], segments: tuple[str, ...]
) -> "dict[Called, Mark]":
    """Return what is said of single images, by their numbers or names."""
    from lambda_studio.pictures.masks.marks import Segment

    found: dict[Called, Mark] = {}
    for option, texts, form, read in (
        ("--mask", masks, "N=FILE, for example 1=mask.png", Path),
        ("--box", boxes, "N=x,y,w,h, for example 2=25%,30%,50%,60%", lambda text: _numbers(text, 4)),
        ("--point", points, "N=x,y, for example 2=50%,40%", lambda text: _numbers(text, 2)),
        ("--segment", segments, "N=WAY, for example 2=grabcut", Segment),
    ):
        for text in texts:
            matched = (CALLED_FILE if option == "--mask" else CALLED).fullmatch(text)
            mark = read(matched[2]) if matched else None
            if not matched or mark is None:
                raise click.UsageError(f"{option} {text!r} is not {form}")
            called = int(matched[1]) if ORDINAL.fullmatch(matched[1]) else matched[1]
            if called in found:
                raise click.UsageError(f"Image {called} is given two masks, boxes, points or ways. Give it one.")
            found[called] = mark
    return found


def _numbers(text: str, count: int) -> "Box | Point | None":
    """Return a box of four numbers or a point of two; None for other texts. Pixels and percent are not mixed."""
    from lambda_studio.pictures.masks.marks import Box, Point

    matched = re.fullmatch(",".join([NUMBER] * count), text)
    if not matched or len({*matched.groups()[1::2]}) > 1:
        return None
    numbers, percent = [float(text) for text in matched.groups()[::2]], matched[2] == "%"
    return (
        Point(numbers[0], numbers[1], percent)
        if count == 2
        else Box(numbers[0], numbers[1], numbers[2], numbers[3], percent)
    )


def masks_found(added: "Added", by_hand: bool) -> list[str]:
    """Return a line with how many masks look right and which ones to look at; no line if they were given by hand."""
    if not added.looked_at or (by_hand and not added.doubtful):
        return []
    name, right = added.concept.name, added.looked_at - len(added.doubtful)
    told = f"{right} of {counted(added.looked_at, 'mask')} {'looks' if added.looked_at == 1 else 'look'} right"
    if not added.doubtful:
        return [f"{told}."]
    look = f"{told}; look at {', '.join(added.doubtful)}: {_sheet(name)}"
    return [look, *(correction(name, number) for number in added.doubtful_images[:1])]


def masks_edited(added: "Added", by_hand: bool, marked: bool = False) -> list[str]:
    """Return the lines about the masks of an edit's images: how many look right, else how to see them and correct one.

    There is no line if an edit brought no image and no mask, and none was `marked`.
    """
    new, found = added.new_images, masks_found(added, by_hand)
    if marked and not added.created:
        return ["The masks are the same as before. Give a box, another point, or a mask file."]
    if added.doubtful or not new:
        return found
    see = [f"See the new {'mask' if len(new) == 1 else 'masks'}: {_sheet(added.concept.name)}"]
    return [*(found or see), correction(added.concept.name, new[0])]


def _sheet(name: str) -> str:
    return f"studio concepts show {shlex.quote(name)} --sheet {shlex.quote(f'{name}.png')}"


def correction(name: str, number: int) -> str:
    """Return the line that says how to correct the mask of an image."""
    command = f"studio concepts edit {shlex.quote(name)} --point {number}=50%,40%"
    return f"To correct image {number}: {command}, or --box {number}=x,y,width,height"


def drawn(asked: Path, written: Path) -> str:
    """Return the line that says where a sheet of masks is, and that no file was overwritten."""
    kept = f"{asked} exists and was kept. " if asked.is_file() and written.name != asked.name else ""
    return f"{kept}Masks drawn: {written}"
