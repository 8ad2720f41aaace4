"""studio library [create|list|use|export|import]"""

import click

from cli.bundles import export, importing
from cli.commands import StudioGroup
from cli.session import Session, pass_session
from cli.tables import table


@click.group("library", cls=StudioGroup, invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Sets of concepts: create, list, use, export, import. Bare, it lists."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(listing)


command.add_command(export)
command.add_command(importing)


@command.command("create")
@click.argument("name")
@pass_session
def create(session: Session, name: str) -> None:
    """Create a library. With --stack, it remembers the stack."""
    with session.studio() as studio:
        record = studio.create_library(name)
    session.show(record, lambda: [f"Created library {record.name}. Work in it: studio library use {record.name}"])


@command.command("list")
@pass_session
def listing(session: Session) -> None:
    """List the libraries; the current one is marked."""
    with session.studio() as studio:
        current, libraries = studio.library, studio.libraries()

    def lines() -> list[str]:
        rows = [
            ("*" if library.name == current else "", library.name, library.concept_count, library.stack or "")
            for library in libraries
        ]
        return list(table(("", "NAME", "CONCEPTS", "STACK"), rows))

    session.show(libraries, lines)


@command.command("use")
@click.argument("name")
@pass_session
def use(session: Session, name: str) -> None:
    """Make a library the current one. With --stack, it remembers the stack from now on."""
    with session.studio() as studio:
        record = studio.use_library(name)
    session.show(record, lambda: [f"Using library {record.name}" + (f" with {record.stack}." if record.stack else ".")])
