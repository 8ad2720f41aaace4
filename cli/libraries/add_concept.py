"""studio add-concept NAME IMAGE… --noun NOUN"""

import os
import shlex
from pathlib import Path

import click

from cli.commands import StudioCommand, download_option
from cli.libraries.originals import keep_original_option, kept_originals
from cli.options.masks import (
    box_option,
    drawn,
    in_order,
    masks_found,
    point_option,
    segments_option,
    sheet_option,
    ways,
)
from cli.screen.terminal import notice
from cli.session import Session, pass_session
from cli.texts.captions import counted_captions
from cli.texts.encoding import encoded
from cli.texts.tables import counted


@click.command("add-concept", cls=StudioCommand)
@click.argument("name")
@click.argument("images", nargs=-1, type=click.Path(path_type=Path), metavar="IMAGE...")
@click.option("--noun", help="The kind of thing, in one or two words: dog, mug, stuffed animal.  [required]")
@click.option(
    "--mask",
    "masks",
    multiple=True,
    metavar="FILE",
    help="A mask, white = subject; one for each image, in the same order, or N=FILE for image N.  "
    "[default: masks beside the images, else --segment finds the subject]",
)
@box_option
@point_option
@segments_option(
    "How to find the subject without a mask. auto: the alpha channel if it cuts out a subject, else salient, else "
    "grabcut. salient: a network that finds what a photo is of (U²-Net-p). grabcut: by colour, from the centre. "
    "grounded: by its noun, with Grounding DINO and SAM (1.1 GB, downloaded on first use)."
)
@sheet_option
@keep_original_option
@download_option
@pass_session
def command(
    session: Session, name: str, images: tuple[Path, ...], noun: str | None, masks: tuple[str, ...],
    boxes: tuple[str, ...], points: tuple[str, ...], segment: tuple[str, ...], sheet: Path | None, keep_original: bool,
) -> None:  # fmt: skip
    """Add a subject from your photos, so that prompts can name it.

    An IMAGE is a photo, or a folder of photos, also with masks and captions beside them (0.jpg, 0.mask.png, 0.txt).

    Pictures are stored upright, at most 1536 pixels long and without metadata.

    \b
      studio add-concept rex photo1.jpg photo2.jpg --noun dog
      studio add-concept rex pictures-of-rex --noun dog
      studio add-concept rex photo1.jpg photo2.jpg --noun dog --box 2=25%,30%,50%,60%
    """
    require_name(name, images, noun)
    way, ways_of_some = ways(segment)
    given = in_order(masks, boxes, points, ways_of_some)
    with session.studio() as studio:
        added = studio.concepts.add(name, images, noun=noun, masks=given, segment=way, keep_original=keep_original)
        if sheet is not None:
            notice(drawn(sheet, studio.concepts.write_sheet(name, sheet)))
    concept = added.concept

    def lines() -> list[str]:
        what = f"{concept.name} ({concept.noun}) in library {concept.library}"
        images_text = counted(len(concept.images), "image")
        head = f"Added {what}: {images_text}." if added.created else f"Already there: {what}, {images_text}."
        masked = masks_found(added, by_hand=not isinstance(given, dict) or way == "none")
        notes = [f"Note: {warning}" for warning in added.warnings]
        return [*notes, head, *masked, *counted_captions(concept), *kept_originals(concept), encoded(added)]

    session.show(added, lines)


def require_name(name: str, images: tuple[Path, ...], noun: str | None) -> None:
    """Raise InvalidSetting if the name is a picture or its folder, MissingParameter if there is no image.

    A folder may have its subject's name: `studio add-concept rex rex --noun dog`.
    """
    from lambda_studio.errors import InvalidSetting
    from lambda_studio.pictures.files.formats import PICTURE_SUFFIXES

    path, is_file, is_folder = Path(name), os.path.isfile(name), os.path.isdir(name)  # of any length
    is_path = not images or len(path.parts) > 1
    is_picture = path.suffix.lower() in PICTURE_SUFFIXES or (is_file and bool(is_path or path.suffix))
    if is_picture or (is_folder and is_path):
        what = "a folder" if is_folder else "a file" if is_file else "a picture's file name"
        likely = shlex.quote((path if is_folder else path.parent).name or noun or "NAME")
        command = f"studio add-concept {likely} {shlex.quote(name)}" + " …" * bool(images)
        remedy = f"{command} --noun {shlex.quote(noun) if noun else 'NOUN'}"
        raise InvalidSetting(f"The first word is the name, and {name!r} is {what}.", remedy)
    if not images:
        ctx = click.get_current_context()
        raise click.MissingParameter(ctx=ctx, param=next(each for each in ctx.command.params if each.name == "images"))
