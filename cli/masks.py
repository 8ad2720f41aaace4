"""What commands that add pictures are told about masks, and what they say about the masks that were found."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.tables import counted

if TYPE_CHECKING:
    from lambda_studio.pictures.masks.marks import Box, Point
    from lambda_studio.studio import Added, Mark

WAYS = ("auto", "alpha", "salient", "grabcut", "grounded", "none")
NUMBERED = re.compile(r"([0-9]{1,9})=(.+)", re.DOTALL)
NUMBER = r"\s*([0-9]{1,9}(?:\.[0-9]{1,9})?)(%?)\s*"


box_option = click.option(
    "--box",
    "boxes",
    multiple=True,
    metavar="N=x,y,w,h",
    help="Give a box around the subject of image N, in pixels of the upright picture or in percent "
    "(2=25%,30%,50%,60%). Repeat it for more.",
)
point_option = click.option(
    "--point",
    "points",
    multiple=True,
    metavar="N=x,y",
    help="Give a point on the subject of image N, in the units of --box. Repeat it for more.",
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
    numbered = tuple(text for text in segment if NUMBERED.fullmatch(text))
    for_all = [text for text in segment if text not in numbered]
    if len({*for_all}) > 1:
        raise click.UsageError(f"--segment is given as {' and '.join(for_all)}. Give one, and N=WAY for single images.")
    for way in (*for_all, *(text.partition("=")[2] for text in numbered)):
        if way not in WAYS:
            raise click.UsageError(f"--segment {way!r} is not one of: {', '.join(WAYS)}, also as N=WAY.")
    return (for_all or ["auto"])[0], numbered


def in_order(
    masks: tuple[str, ...], boxes: tuple[str, ...], points: tuple[str, ...], segments: tuple[str, ...]
) -> "tuple[Path, ...] | dict[int, Mark]":
    """Return mask files in the order of the images, or what is said of single images, by their numbers."""
    if not masks or all(NUMBERED.fullmatch(text) for text in masks):
        return marks(masks, boxes, points, segments)
    if boxes or points or segments or any(NUMBERED.fullmatch(text) for text in masks):
        raise click.UsageError("Masks without numbers are for all images. For single images, give --mask N=FILE.")
    return tuple(map(Path, masks))


def marks(
    masks: tuple[str, ...], boxes: tuple[str, ...], points: tuple[str, ...], segments: tuple[str, ...]
) -> "dict[int, Mark]":
    """Return what is said of single images, by their numbers."""
    from lambda_studio.pictures.masks.marks import Segment

    found: dict[int, Mark] = {}
    for option, texts, form, read in (
        ("--mask", masks, "N=FILE, for example 1=mask.png", Path),
        ("--box", boxes, "N=x,y,w,h, for example 2=25%,30%,50%,60%", lambda text: _numbers(text, 4)),
        ("--point", points, "N=x,y, for example 2=50%,40%", lambda text: _numbers(text, 2)),
        ("--segment", segments, "N=WAY, for example 2=grabcut", Segment),
    ):
        for text in texts:
            number, mark = _marked(text, read)
            if mark is None:
                raise click.UsageError(f"{option} {text!r} is not {form}")
            if number in found:
                raise click.UsageError(f"Image {number} is given two masks, boxes, points or ways. Give it one.")
            found[number] = mark
    return found


def _marked(text: str, read: "Callable[[str], Mark | None]") -> "tuple[int, Mark | None]":
    matched = NUMBERED.fullmatch(text)
    return (int(matched[1]), read(matched[2])) if matched else (0, None)


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


def masks_marked(added: "Added", given: "dict[int, Mark]") -> list[str]:
    """Return a line that says how to see masks that were found by a box, a point or a way; no line for files."""
    if all(isinstance(mark, Path) for mark in given.values()):
        return []
    name = added.concept.name
    return [f"See the new masks: studio concepts show {name} --sheet {name}.png"]


def masks_found(added: "Added", by_hand: bool) -> list[str]:
    """Return a line with how many masks look right and which ones to look at; no line if they were given by hand."""
    if not added.looked_at or (by_hand and not added.doubtful):
        return []
    right = added.looked_at - len(added.doubtful)
    told = f"{right} of {counted(added.looked_at, 'mask')} {'looks' if added.looked_at == 1 else 'look'} right"
    if not added.doubtful:
        return [f"{told}."]
    name = added.concept.name
    numbers = [
        number for number, image in enumerate(added.concept.images, start=1) if image.source_name in added.doubtful
    ]
    look = f"{told}; look at {', '.join(added.doubtful)}: studio concepts show {name} --sheet {name}.png"
    return [look, *(correction(name, number) for number in numbers[:1])]


def correction(name: str, number: int) -> str:
    """Return the line that says how to correct the mask of an image."""
    command = f"studio concepts edit {shlex.quote(name)} --point {number}=50%,40%"
    return f"To correct image {number}: {command}, or --box {number}=x,y,width,height"


def drawn(asked: Path, written: Path) -> str:
    """Return the line that says where a sheet of masks is, and that no file was overwritten."""
    kept = f"{asked} exists and was kept. " if asked.is_file() and written.name != asked.name else ""
    return f"{kept}Masks drawn: {written}"
