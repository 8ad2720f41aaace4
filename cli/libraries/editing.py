"""studio concepts edit"""

from itertools import chain
from pathlib import Path

import click

from cli.arguments import Images
from cli.commands import StudioCommand, download_option
from cli.libraries import removing
from cli.libraries.originals import keep_original_option
from cli.options.captions import by_image, captions_option
from cli.options.masks import box_option, drawn, marks, masks_edited, point_option, segments_option, sheet_option, ways
from cli.screen.terminal import notice
from cli.session import Session, pass_session
from cli.texts.captions import captions_now


@click.command("edit", cls=StudioCommand)
@click.argument("name")
@click.option("--noun", help="Set another noun.  [default: unchanged]")
@click.option(
    "--add",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="IMAGE",
    help="Add a reference image. Repeat it for more.",
)
@click.option(
    "--drop",
    multiple=True,
    type=Images(),
    metavar="N[-M]|NAME",
    help="Drop image N, or the images N to M, numbered as in `show`; or the one of this file name. Repeat it for more.",
)
@click.option(
    "--mask",
    "masks",
    multiple=True,
    metavar="N=FILE",
    help="Give image N another mask, white = subject. Repeat it for more.",
)
@box_option
@point_option
@segments_option("How to find the subject in added images.")
@captions_option
@sheet_option
@keep_original_option
@download_option
@pass_session
def edit(
    session: Session, name: str, noun: str | None, add: tuple[Path, ...], drop: tuple[range | tuple[str], ...],
    masks: tuple[str, ...], boxes: tuple[str, ...], points: tuple[str, ...], segment: tuple[str, ...],
    captions: tuple[str, ...], sheet: Path | None, keep_original: bool,
) -> None:  # fmt: skip
    """Change a concept's noun, images or masks in a new version. Earlier versions stay.

    Captions alone make no new version.

    \b
      studio concepts edit rex --add photo7.jpg --drop 2 --mask 1=mask.png
      studio concepts edit rex --box 3=25%,30%,50%,60%
      studio concepts edit rex --caption "1=rex on a sofa" --caption 2=
    """
    way, ways_of_some = ways(segment)
    numbered = marks(masks, boxes, points, ways_of_some)
    if segment and not add and not ways_of_some:
        raise click.UsageError(f"--segment {way} is for added images. For an image that is there, give N={way}.")
    texts = by_image(captions)
    with session.studio() as studio:
        added = studio.concepts.edit(
            name, noun=noun, add=add, drop=tuple(chain(*drop)), masks=numbered, segment=way, captions=texts,
            keep_original=keep_original,
        )  # fmt: skip
        if sheet is not None:
            notice(drawn(sheet, studio.concepts.write_sheet(name, sheet)))
    said = masks_edited(added, by_hand=not add or way == "none", marked=bool(numbered))
    told = [*removing.written(added), *said] if noun or add or drop or numbered else []
    session.show(added, lambda: [*told, *(captions_now(added.concept) if texts else [])])
