"""studio concepts [remove|restore|forget]"""

import shlex
from typing import TYPE_CHECKING

import click

from cli.commands import StudioCommand, download_option
from cli.libraries.originals import kept_originals
from cli.options.masks import masks_found
from cli.screen.confirm import confirmed, yes_option
from cli.session import Session, pass_session
from cli.texts.encoding import encoded
from cli.texts.tables import counted, counted_pictures

if TYPE_CHECKING:
    from lambda_studio.studio import Added, ConceptSummary

ALL_KINDS = "images, masks, originals and cached values"
CHOOSE = "Choose number N of several with this name."
restored_option = click.option(
    "--id", "concept_id", type=int, metavar="N", help=f"{CHOOSE}  [default: the last removed]"
)
forgotten_option = click.option(
    "--id", "concept_id", type=int, metavar="N", help=f"{CHOOSE}  [required if there are several]"
)


@click.command("restore", cls=StudioCommand)
@click.argument("name")
@click.argument("version", type=int, required=False)
@restored_option
@click.option("--as", "new_name", metavar="NEW_NAME", help="Restore it under another name.  [default: its own]")
@download_option
@pass_session
def restore(session: Session, name: str, version: int | None, concept_id: int | None, new_name: str | None) -> None:
    """Restore a removed concept. With VERSION, write that version of a concept in use again as a new version.

    Of several removed concepts with one name, the last is restored. `studio concepts list --removed` shows numbers.
    """
    if version is not None:
        if concept_id is not None or new_name is not None:
            raise click.UsageError("--id and --as are for a removed concept, but VERSION is for a concept in use.")
        with session.studio() as studio:
            added = studio.concepts.restore(name, version)
        no_masks = not any(image.mask_sha for image in added.concept.images)
        masks = masks_found(added, by_hand=no_masks) if added.created else []
        session.show(added, lambda: [*written(added), *masks])
        return
    with session.studio() as studio:
        concept = studio.concepts.bring_back(name, concept_id, new_name)
    what = f"{concept.name} ({concept.noun}) is back, in version {concept.version}"
    session.show(concept, lambda: [f"{what}: {counted_pictures(concept)}."])


@click.command("remove", cls=StudioCommand)
@click.argument("name")
@yes_option
@pass_session
def remove(session: Session, name: str, yes: bool) -> None:
    """Hide a concept, free its name, and list its adapters. `restore` undoes this; `forget` deletes for good."""
    with session.studio() as studio:
        present = studio.concepts.history(name)[0]  # reads no image, so that a damaged concept can be removed
        images = f" and its {counted(present.picture_count, 'image')}" if present.picture_count else ""
        what = f"{name}{images} would be hidden, and the name would become free."
        confirmed(f"{what} Nothing is deleted. Remove {name}?", yes)
        removed = studio.concepts.remove(name)

    def lines() -> list[str]:
        return [
            f"Removed {removed.name}. Undo it: studio concepts restore {removed.name}",
            *(f"Adapter {adapter} was trained on it and can still draw it." for adapter in removed.adapters),
        ]

    session.show(removed, lines)


@click.command("forget", cls=StudioCommand)
@click.argument("name")
@forgotten_option
@yes_option
@pass_session
def forget(session: Session, name: str, concept_id: int | None, yes: bool) -> None:
    """Delete a concept for good, with all of its versions.

    Its images, masks, originals and cached features go too. The concept may be in use or removed.

    Its adapters are listed and stay. Delete them with `studio adapters remove`. Unfinished runs on it fail, and
    their checkpoints are deleted. While it is being trained on, it is not forgotten.
    """

    def agree(found: "ConceptSummary") -> None:
        which = f"{found.name}, removed on {found.removed_at:%Y-%m-%d}" if found.removed_at else found.name
        what = f"{which}: all of its versions, images and masks are deleted for good. Only a backup brings them back."
        confirmed(f"{what} Forget {found.name}?", yes)

    with session.studio() as studio:
        gone = studio.concepts.forget(name, concept_id, agree)

    def lines() -> list[str]:
        deleted = counted(len(gone.deleted), "image, mask, original or cached value", ALL_KINDS)
        kept = counted(len(gone.kept), "image, mask or original of it", "images, masks or originals of it")
        return [
            f"Forgot {gone.name}. Deleted: {deleted} ({gone.bytes:,} bytes).",
            *([f"Not deleted: {kept} that other concepts also use."] if gone.kept else []),
            *(f"Adapter {adapter} was trained on it and can still draw it." for adapter in gone.adapters),
            *(f"Deleted the checkpoints of run {run}, which was trained on it." for run in gone.runs),
            *(
                f"Run {run} was trained on it in another home. `studio doctor` there lists the files that are left."
                for run in gone.elsewhere
            ),
            *(
                f"{blend} is a blend of it and keeps its embedding. Delete that too: "
                f"studio concepts forget {shlex.quote(blend)}"
                for blend in gone.blends
            ),
            *(f"This file was trained on it and belongs to no adapter; delete it: {path}" for path in gone.files),
            *(f"A backup may still contain it: {path}" for path in gone.backups),
        ]

    session.show(gone, lines)


def written(added: "Added") -> list[str]:
    """Return the lines that report a concept's new version."""
    concept = added.concept
    what = f"{concept.name} ({concept.noun})"
    state = (
        f"is now version {concept.version}"
        if added.created
        else f"has this content already, in version {concept.version}"
    )
    said = f"{what} {state}: {counted_pictures(concept)}."
    later = [encoded(added)] if added.not_encoded else []
    return [*(f"Note: {note}" for note in added.warnings), said, *kept_originals(concept), *later]
