"""studio concepts [list|show|masks|originals|similar|edit|history|restore|rename|copy|remove|forget]"""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.commands import StudioGroup, download_option
from cli.libraries import editing, removing
from cli.libraries.mask_files import masks as mask_files
from cli.libraries.originals import count_originals, kept_originals, originals
from cli.options.masks import correction, drawn, sheet_option
from cli.screen.terminal import notice
from cli.session import Session, pass_session
from cli.texts.captions import caption_lines
from cli.texts.tables import counted, counted_pictures, table

if TYPE_CHECKING:
    from lambda_studio.studio import BlendedPart, ConceptCard, ConceptSummary, ImageCard

PAGE = 100
"""How many concepts `list` shows by default."""


@click.group("concepts", cls=StudioGroup, invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """List, show, edit, copy, remove and restore subjects. Without a subcommand, list them."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(listing)


command.add_command(originals)
command.add_command(mask_files)
command.add_command(editing.edit)
command.add_command(removing.restore)
command.add_command(removing.remove)
command.add_command(removing.forget)


@command.command("list")
@click.option("--removed", is_flag=True, help="List all removed concepts, which can be restored.")
@click.option(
    "--search", "text", default="", metavar="TEXT", help="List only names that contain this text.  [default: all]"
)
@click.option("--after", default="", metavar="NAME", help="List only names after this one.  [default: from the first]")
@click.option("-n", "limit", type=int, help=f"List at most this many.  [default: {PAGE}; with --json: all]")
@click.option(
    "--sheet",
    type=click.Path(path_type=Path),
    metavar="FILE.png",
    help="Draw the images of the listed concepts with their masks into this file.",
)
@pass_session
def listing(
    session: Session, removed: bool = False, text: str = "", after: str = "", limit: int | None = None,
    sheet: Path | None = None,
) -> None:  # fmt: skip
    """List the concepts of the library, by name."""
    if removed and (text or after or limit is not None or sheet):
        raise click.UsageError("--removed lists all removed concepts: leave out --search, --after, -n and --sheet.")
    limit = limit if limit is not None or session.json else PAGE
    with session.studio() as studio:
        if sheet is not None:
            studio.pictures.require_sheet(sheet)
        library = studio.library
        if removed:
            gone = studio.concepts.list(removed=True)
            return session.show(gone, lambda: _removed_lines(library, gone))
        page = studio.concepts.page(text, after=after, limit=limit)
        if sheet is not None:
            notice(drawn(sheet, studio.concepts.write_library_sheet(sheet, page.concepts)))

    def lines() -> list[str]:
        if not page.concepts:
            return [_nothing(library, text, after)]
        rows = [
            (each.name, each.noun, each.picture_count, each.version, f"{each.created_at:%Y-%m-%d}")
            for each in page.concepts
        ]
        return list(table(("NAME", "NOUN", "IMAGES", "VERSION", "SINCE"), rows))

    session.show(page.concepts, lines)
    if page.more:
        notice(f"There are more concepts. Continue with: --after {shlex.quote(page.concepts[-1].name)}")


def _nothing(library: str, text: str, after: str) -> str:
    if text or after:
        return f"Library {library} has no matching concepts. See all: studio concepts list"
    return f"Library {library} has no concepts yet. Add one: studio add-concept NAME IMAGE... --noun NOUN"


@command.command("show")
@click.argument("name")
@sheet_option
@pass_session
def show(session: Session, name: str, sheet: Path | None) -> None:
    """Show a concept's images, masks, embeddings and adapters."""
    with session.studio() as studio:
        card = studio.concepts.show(name)
        if sheet is not None:
            notice(drawn(sheet, studio.concepts.write_sheet(name, sheet)))
            doubtful = [number for number, image in enumerate(card.images, start=1) if image.doubtful]
            notice(correction(name, doubtful[0] if doubtful else 1))
    concept, made = card.concept, f"make one: studio finetune {shlex.quote(card.concept.name)}"
    if not card.has_pictures and concept.picture_count:
        made = f"some of its pictures were left out, and fine-tuning needs all. Without them: {_without_left_out(card)}"
    elif not card.has_pictures:
        made = f"it {'is a blend' if card.blend else 'came'} without pictures, which fine-tuning needs"

    def lines() -> list[str]:
        images = [
            (number, image.source_name, _size(image), image.mask, image.sha[:12])
            for number, image in enumerate(card.images, start=1)
        ]
        changed = concept.changed_at or concept.created_at
        embeddings = [f"  {stack}: {count} of {len(images)}" for stack, count in card.embeddings.items()]
        adapters = [
            f"  {known.id} ({known.method}, {known.stack}) trained on version {known.version}"
            + (" (stale)" if known.stale else "")
            for known in card.adapters
        ]
        listed = [f"  {line}" for line in table(("", "FILE", "SIZE", "MASK", "SHA-256"), images)]
        lacking = ", besides some that" if concept.picture_count else ", which"
        left_out = "" if card.has_pictures else f"{lacking} were left out of the bundle that it came from"
        parts = [f"  {each.weight:g} {each.name}, {_there(each)}" for each in card.blend]
        return [
            f"{concept.name} ({concept.noun}) in library {concept.library}",
            f"version {concept.version} of {changed:%Y-%m-%d %H:%M}, manifest {concept.manifest[:12]}",
            *(["no images: a blend of", *parts] if parts else [f"{counted_pictures(concept)}{left_out}:", *listed]),
            *(
                f"  Note: image {number} ({image.source_name}): {note}"
                for number, image in enumerate(card.images, start=1)
                for note in image.warnings
            ),
            *caption_lines(concept),
            *kept_originals(concept),
            "cached embeddings:",
            *(embeddings or ["  none; they are computed when a prompt first names the concept"]),
            "adapters that know it:",
            *(adapters or [f"  none; {made}"]),
        ]

    session.show(card, lines)


def _without_left_out(card: "ConceptCard") -> str:
    """Return the command that drops what stands for pictures that were left out."""
    drops = [f"--drop {number}" for number, image in enumerate(card.images, start=1) if image.left_out]
    return f"studio concepts edit {shlex.quote(card.concept.name)} {' '.join(drops)}"


def _there(part: "BlendedPart") -> str:
    return f"version {part.version}" if part.version else "which the library does not have today"


def _size(image: "ImageCard") -> str:
    return "" if image.left_out else f"{image.width} x {image.height}"


@command.command("similar")
@click.argument("name")
@click.option("-n", "count", type=int, default=5, show_default=True, help="How many concepts to show, nearest first.")
@download_option
@pass_session
def similar(session: Session, name: str, count: int) -> None:
    """Find the concepts that look most like one.

    It compares the cached CLIP embeddings of all concepts that you can see.
    """
    with session.studio() as studio:
        found = studio.concepts.similar(name, count)

    def lines() -> list[str]:
        rows = [(f"{each.similarity:.2f}", each.name, each.noun, each.library) for each in found.nearest]
        left = (
            counted(found.not_compared, "concept")
            + f" not compared: {found.stack} has not encoded all of their images."
        )
        nothing = f"There is nothing to compare {found.name} with."
        return [
            *(table(("LIKE", "NAME", "NOUN", "LIBRARY"), rows) if rows else [nothing]),
            *[left][: found.not_compared],
        ]

    session.show(found, lines)


@command.command("history")
@click.argument("name")
@pass_session
def history(session: Session, name: str) -> None:
    """List a concept's versions and the adapters trained on them. The current version comes first."""
    with session.studio() as studio:
        versions = studio.concepts.history(name)

    def lines() -> list[str]:
        rows = [
            (
                each.number,
                each.noun,
                each.picture_count,
                f"{each.created_at:%Y-%m-%d %H:%M}",
                each.manifest[:12],
                " ".join(map(str, each.adapters)),
            )
            for each in versions
        ]
        return list(table(("VERSION", "NOUN", "IMAGES", "SINCE", "MANIFEST", "ADAPTERS"), rows))

    session.show(versions, lines)


@command.command("rename")
@click.argument("name")
@click.argument("new_name")
@pass_session
def rename(session: Session, name: str, new_name: str) -> None:
    """Give a concept another name. Its adapters still know it."""
    with session.studio() as studio:
        concept = studio.concepts.rename(name, new_name)
    session.show(concept, lambda: [f"{name} is now called {concept.name}."])


@command.command("copy")
@click.argument("name")
@click.argument("target", metavar="LIBRARY")
@click.option("--as", "new_name", metavar="NEW_NAME", help="Give the copy another name.  [default: the same name]")
@pass_session
def copy(session: Session, name: str, target: str, new_name: str | None) -> None:
    """Copy a concept into another library. So you can share it alone.

    Its current version is copied, and its pictures are stored only once.

    \b
      studio library create for-bob
      studio concepts copy rex for-bob
      studio library share for-bob bob
    """
    with session.studio() as studio:
        copied = studio.concepts.copy(name, target, new_name)
    there = f"{copied.concept.name} ({copied.concept.noun}) in library {copied.concept.library}"
    state = "Copied to" if copied.created else "Already there:"
    held = counted_pictures(copied.concept)
    if kept := count_originals(copied.concept):
        held += f", {counted(kept, 'original')} with metadata"
    session.show(copied, lambda: [f"{state} {there}: {held}."])


def _removed_lines(library: str, summaries: "Sequence[ConceptSummary]") -> list[str]:
    if not summaries:
        return [f"Library {library} has no removed concepts to restore."]
    rows = [
        (each.id, each.name, each.noun, each.picture_count, each.version, f"{each.removed_at:%Y-%m-%d %H:%M}")
        for each in summaries
    ]
    return list(table(("ID", "NAME", "NOUN", "IMAGES", "VERSION", "REMOVED"), rows))
