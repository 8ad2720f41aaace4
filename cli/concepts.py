"""studio concepts [list|show|rename|remove]"""

import click

from cli.commands import StudioGroup
from cli.confirm import confirmed, yes_option
from cli.session import Session, pass_session
from cli.tables import counted, table


@click.group("concepts", cls=StudioGroup, invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """The subjects of a library: list, show, rename, remove. Bare, it lists."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(listing)


@command.command("list")
@pass_session
def listing(session: Session) -> None:
    """List the concepts of the library."""
    with session.studio() as studio:
        library, summaries = studio.library, studio.concepts()

    def lines() -> list[str]:
        if not summaries:
            return [f"Library {library} has no concepts yet. Add one: studio add-concept NAME IMAGE... --noun NOUN"]
        rows = [
            (item.name, item.noun, item.image_count, item.version, f"{item.created_at:%Y-%m-%d}") for item in summaries
        ]
        return list(table(("NAME", "NOUN", "IMAGES", "VERSION", "SINCE"), rows))

    session.show(summaries, lines)


@command.command("show")
@click.argument("name")
@pass_session
def show(session: Session, name: str) -> None:
    """Tell everything about one concept."""
    with session.studio() as studio:
        card = studio.show(name)
    concept = card.concept

    def lines() -> list[str]:
        images = [
            (number, image.source_name, f"{image.width} x {image.height}", image.mask, image.sha[:12])
            for number, image in enumerate(card.images, start=1)
        ]
        embeddings = [f"  {stack}: {count} of {len(images)}" for stack, count in card.embeddings.items()]
        adapters = [
            f"  {known.id} ({known.method}, {known.stack}) saw version {known.version}"
            + (" (stale)" if known.stale else "")
            for known in card.adapters
        ]
        return [
            f"{concept.name} ({concept.noun}) in library {concept.library}",
            f"version {concept.version} of {concept.created_at:%Y-%m-%d %H:%M}, manifest {concept.manifest[:12]}",
            f"{counted(len(images), 'image')}:",
            *(f"  {line}" for line in table(("", "FILE", "SIZE", "MASK", "SHA-256"), images)),
            *(f"  Note: {image.source_name}: {note}" for image in card.images for note in image.warnings),
            "cached embeddings:",
            *(embeddings or ["  none; they are made when a prompt first names the concept"]),
            "adapters that know it:",
            *(adapters or [f"  none; make one: studio finetune {concept.name}"]),
        ]

    session.show(card, lines)


@command.command("rename")
@click.argument("name")
@click.argument("new_name")
@pass_session
def rename(session: Session, name: str, new_name: str) -> None:
    """Give a concept another name. What knows it goes on knowing it."""
    with session.studio() as studio:
        concept = studio.rename(name, new_name)
    session.show(concept, lambda: [f"{name} is now called {concept.name}."])


@command.command("remove")
@click.argument("name")
@yes_option
@pass_session
def remove(session: Session, name: str, yes: bool) -> None:
    """Remove a concept from the library, and say which adapters saw it."""
    with session.studio() as studio:
        card = studio.show(name)
        confirmed(f"Remove {card.concept.name} and its {counted(len(card.images), 'image')}?", yes)
        removed = studio.remove(name)

    def lines() -> list[str]:
        return [
            f"Removed {removed.name}.",
            *(f"Adapter {adapter} saw it and still holds what it learned." for adapter in removed.adapters),
        ]

    session.show(removed, lines)
