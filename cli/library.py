"""studio library [create|list|use|rename|remove|share|unshare|members|export|import]"""

import click

from cli.bundles import export, importing
from cli.commands import StudioGroup
from cli.session import Session, pass_session
from cli.tables import counted, table


@click.group("library", cls=StudioGroup, invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Sets of concepts: create, list, use, rename, remove, share, unshare, members, export, import.

    Bare, it lists. A library belongs to who created it. Another's that is shared with you is named OWNER/LIBRARY.
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
    """List your libraries and those shared with you; the current one is marked."""
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
    """Make a library the current one. With --stack, it remembers the stack from now on."""
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
@click.option("--yes", "-y", is_flag=True, help="Also if it is not empty: delete all that is in it.")
@pass_session
def remove(session: Session, name: str, yes: bool) -> None:
    """Delete a library for good. One that is not empty needs --yes; without, you are told what would go."""
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
    help="reader: see and use it. editor: also change what is in it. owner: also share, rename and remove it.",
)
@pass_session
def share(session: Session, name: str, user: str, role: str) -> None:
    """Let another user of this registry see a library; again, to change their role.

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
    """Let another user see a library no longer. You may leave another's library yourself."""
    with session.studio() as studio:
        member = studio.libraries.unshare(name, user)
    session.show(member, lambda: [f"{member.user}, who was {_a(member.role)}, does not see {name} any more."])


@command.command("members")
@click.argument("name")
@pass_session
def members(session: Session, name: str) -> None:
    """List who may see a library, and as what."""
    with session.studio() as studio:
        found = studio.libraries.members(name)
    session.show(found, lambda: table(("USER", "ROLE"), [(each.user, each.role) for each in found]))


def _a(role: str) -> str:
    return f"a {role}" if role == "reader" else f"an {role}"
