"""studio library [create|list|use|rename|remove|share|unshare|members|export|import]"""

import click

from cli.commands import StudioGroup
from cli.libraries.exporting import export
from cli.libraries.importing import importing
from cli.session import Session, pass_session
from cli.texts.tables import counted, table


@click.group("library", cls=StudioGroup, invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Create, share, export and import libraries of concepts.

    Without a subcommand, list them. A library belongs to its creator. Name a library of another user OWNER/LIBRARY.
    """
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
        record = studio.libraries.create(name)
    session.show(record, lambda: [f"Created library {record.name}. Work in it: studio library use {record.name}"])


@command.command("list")
@pass_session
def listing(session: Session) -> None:
    """List the libraries that you can see. The current one is marked."""
    with session.studio() as studio:
        current, libraries = studio.library, studio.libraries.list()

    def lines() -> list[str]:
        rows = [
            ("*" if each.address == current else "", each.address, each.concept_count, each.role, each.stack or "")
            for each in libraries
        ]
        return list(table(("", "NAME", "CONCEPTS", "YOU ARE", "STACK"), rows))

    session.show(libraries, lines)


@command.command("use")
@click.argument("name")
@pass_session
def use(session: Session, name: str) -> None:
    """Make a library the current one. With --stack, it remembers the stack."""
    with session.studio() as studio:
        record = studio.libraries.use(name)
    stack = f" with {record.stack}" if record.stack else ""
    session.show(record, lambda: [f"Using library {record.address}{stack}."])


@command.command("rename")
@click.argument("name")
@click.argument("new_name")
@pass_session
def rename(session: Session, name: str, new_name: str) -> None:
    """Give a library another name."""
    with session.studio() as studio:
        record = studio.libraries.rename(name, new_name)
    session.show(record, lambda: [f"{name} is now called {record.address}."])


@command.command("remove")
@click.argument("name")
@click.option("--yes", "-y", is_flag=True, help="Also delete a library that is not empty, with its contents.")
@pass_session
def remove(session: Session, name: str, yes: bool) -> None:
    """Delete a library for good. Without --yes, a library that is not empty stays, and its contents are listed."""
    with session.studio() as studio:
        removed = studio.libraries.remove(name, yes)
    went = {"concept": len(removed.concepts), "removed concept": len(removed.removed_concepts)}
    went |= {"adapter": len(removed.adapters), "run": len(removed.runs)}

    def lines() -> list[str]:
        told = ", ".join(counted(number, what) for what, number in went.items() if number)
        return [f"Removed library {removed.library.address}" + (f", and with it {told}." if told else ".")]

    session.show(removed, lines)


@command.command("share")
@click.argument("name")
@click.argument("user")
@click.option(
    "--role",
    type=click.Choice(["reader", "editor", "owner"]),
    default="reader",
    show_default=True,
    help="reader: see and use it. editor: also change its contents. owner: also share, rename and remove it.",
)
@pass_session
def share(session: Session, name: str, user: str, role: str) -> None:
    """Share a library with another user, or change the role.

    To share a single concept, copy it into a library that you share: studio concepts copy.
    """
    with session.studio() as studio:
        member = studio.libraries.share(name, user, role)
    session.show(member, lambda: [f"{member.user} is {_a(member.role)} of {name} now."])


@command.command("unshare")
@click.argument("name")
@click.argument("user")
@pass_session
def unshare(session: Session, name: str, user: str) -> None:
    """Stop sharing a library with another user. You can also leave another user's library."""
    with session.studio() as studio:
        member = studio.libraries.unshare(name, user)
    session.show(member, lambda: [f"{member.user}, who was {_a(member.role)}, cannot see {name} any more."])


@command.command("members")
@click.argument("name")
@pass_session
def members(session: Session, name: str) -> None:
    """List the members of a library and their roles."""
    with session.studio() as studio:
        found = studio.libraries.members(name)
    session.show(found, lambda: table(("USER", "ROLE"), [(each.user, each.role) for each in found]))


def _a(role: str) -> str:
    return f"a {role}" if role == "reader" else f"an {role}"
