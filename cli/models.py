"""studio models [list|fetch|remove]"""

from typing import TYPE_CHECKING

import click

from cli.commands import StudioGroup, download_option
from cli.screen.confirm import confirmed, yes_option
from cli.session import Session, pass_session
from cli.texts.tables import table

if TYPE_CHECKING:
    from lambda_studio.studio import ModelPart

GB = 10**9


@click.group("models", cls=StudioGroup, invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """List, fetch and remove model files. Without a subcommand, list them."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(listing)


@command.command("list")
@pass_session
def listing(session: Session) -> None:
    """List the parts of the stacks, and what is missing.

    Nothing is downloaded. A size with ~ is the size of the download.
    """
    with session.studio() as studio:
        parts = studio.models.list()

    def size(each: "ModelPart") -> str:
        if each.size is None:
            return "?"
        return f"{'~' if each.missing else ''}{each.size / GB:.2f} GB"

    def lines() -> list[str]:
        rows = [
            (each.stack, each.part, "missing" if each.missing else "here", size(each), each.source) for each in parts
        ]
        why = [f"{each.stack} {each.part}: {each.missing}" for each in parts if each.missing]
        return [*table(("STACK", "PART", "STATE", "SIZE", "SOURCE"), rows), *why]

    session.show(parts, lines)


@command.command("fetch")
@download_option
@pass_session
def fetch(session: Session) -> None:
    """Download what is missing of the stack in use.

    Before the download, it says whether a picture fits the free memory of the GPU. An interrupted download is resumed.
    Choose the stack with --stack, for example --stack kandinsky-2.2.
    """
    with session.studio() as studio:
        parts = studio.models.fetch()
    size = sum(each.size or 0 for each in parts) / GB
    session.show(parts, lambda: [f"The stack {parts[0].stack} is complete on this machine: {size:.2f} GB."])


@command.command("remove")
@yes_option
@pass_session
def remove(session: Session, yes: bool) -> None:
    """Remove the stack's files from the hub's cache.

    Other programs may use the same files. Your own folders and the files in the package stay.
    """
    with session.studio() as studio:
        found = studio.models.removable()
        if found:
            what = ", ".join(f"{repo} ({size / GB:.2f} GB)" for repo, size in found.items())
            confirmed(f"Removed from the hub's cache, which other programs share: {what}. Remove them?", yes)
        removed = studio.models.remove()

    def lines() -> list[str]:
        if not removed.repositories:
            return ["The hub's cache has no files of this stack."]
        return [f"Removed {', '.join(removed.repositories)}: {removed.size / GB:.2f} GB."]

    session.show(removed, lines)
