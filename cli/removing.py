"""studio concepts remove, restore and forget: out of sight, back again, gone for good."""

from typing import TYPE_CHECKING

import click

from cli.commands import StudioCommand
from cli.confirm import confirmed, yes_option
from cli.originals import kept_originals
from cli.session import Session, pass_session
from cli.tables import counted

if TYPE_CHECKING:
    from lambda_studio.studio import Added, ConceptSummary

number_option = click.option("--id", "concept_id", type=int, metavar="N", help="Of several of one name, number N.")


@click.command("restore", cls=StudioCommand)
@click.argument("name")
@click.argument("version", type=int, required=False)
@number_option
@click.option("--as", "new_name", metavar="NEW_NAME", help="Bring it back under another name.")
@pass_session
def restore(session: Session, name: str, version: int | None, concept_id: int | None, new_name: str | None) -> None:
    """Bring back a removed concept; or, with a VERSION, make that the present one again, as a new version.

    Of several that were removed under one name, the last comes back; `studio concepts list --removed` numbers them.
    """
    if version is not None:
        if concept_id is not None or new_name is not None:
            raise click.UsageError("--id and --as are for a removed concept; a VERSION is of one that is there.")
        with session.studio() as studio:
            added = studio.concepts.restore(name, version)
        session.show(added, lambda: written(added))
        return
    with session.studio() as studio:
        concept = studio.concepts.bring_back(name, concept_id, new_name)
    what = f"{concept.name} ({concept.noun}) is back, in version {concept.version}"
    session.show(concept, lambda: [f"{what}: {counted(len(concept.images), 'image')}."])


@click.command("remove", cls=StudioCommand)
@click.argument("name")
@yes_option
@pass_session
def remove(session: Session, name: str, yes: bool) -> None:
    """Hide a concept and free its name, and say which adapters saw it. `restore` undoes it; `forget` ends it."""
    with session.studio() as studio:
        present = studio.concepts.history(name)[0]  # which reads no image: one that is damaged can be removed too
        confirmed(f"Remove {name} and its {counted(present.image_count, 'image')}?", yes)
        removed = studio.concepts.remove(name)

    def lines() -> list[str]:
        return [
            f"Removed {removed.name}. Undo it: studio concepts restore {removed.name}",
            *(f"Adapter {adapter} saw it and still holds what it learned." for adapter in removed.adapters),
        ]

    session.show(removed, lines)


@click.command("forget", cls=StudioCommand)
@click.argument("name")
@number_option
@yes_option
@pass_session
def forget(session: Session, name: str, concept_id: int | None, yes: bool) -> None:
    """Delete a concept for good, present or removed: all versions, images, masks, originals and what was
    computed from them.

    Adapters that saw it are named and stay; they go with `studio adapters remove`.
    """

    def agree(found: "ConceptSummary") -> None:
        state = "removed" if found.removed_at else "in use"
        confirmed(f"Forget {found.name} (number {found.id}, {state}) for good?", yes)

    with session.studio() as studio:
        gone = studio.concepts.forget(name, concept_id, agree)

    def lines() -> list[str]:
        kept = counted(len(gone.kept), "image, mask or original of it", "images, masks or originals of it")
        return [
            f"Forgot {gone.name}: {counted(len(gone.deleted), 'object')}, {gone.bytes:,} bytes.",
            *([f"Not deleted: {kept} that other concepts have too."] if gone.kept else []),
            *(f"Adapter {adapter} saw it and still holds what it learned." for adapter in gone.adapters),
            *(f"A backup may hold it still: {path}" for path in gone.backups),
        ]

    session.show(gone, lines)


def written(added: "Added") -> list[str]:
    """What became of a concept that got a version."""
    concept = added.concept
    what = f"{concept.name} ({concept.noun})"
    state = f"is now version {concept.version}" if added.created else f"is so already, in version {concept.version}"
    said = f"{what} {state}: {counted(len(concept.images), 'image')}."
    return [*(f"Note: {note}" for note in added.warnings), said, *kept_originals(concept)]
