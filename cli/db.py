"""studio db [upgrade|check|backup|restore]"""

from pathlib import Path

import click

from cli.commands import StudioGroup
from cli.confirm import confirmed, yes_option
from cli.session import Session, pass_session


@click.group("db", cls=StudioGroup)
def command() -> None:
    """The database behind the libraries: upgrade, check, backup, restore."""


@command.command("upgrade")
@pass_session
def upgrade(session: Session) -> None:
    """Bring the schema to this version's, after a backup. Every command does so too when it has to."""
    done = session.upkeep().upgrade()
    changed = done.before.revision != done.after.revision
    words = f"is now schema {done.after.revision}" if changed else f"has schema {done.after.revision} already"
    session.show(done, lambda: [f"{done.after.path} {words}."])


@command.command("check")
@pass_session
def check(session: Session) -> int:
    """Look at every row and every byte of the database, and change nothing."""
    checked = session.upkeep().check()
    size = f"schema {checked.state.revision}, {checked.state.size / 2**20:,.1f} MiB"
    told = [f"problem  {fault.said}" for fault in checked.faults] or ["Sound: every row and every hash is right."]
    session.show(checked, lambda: [f"{checked.state.path} ({size})", *told])
    return 7 if checked.faults else 0


@command.command("backup")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE", help="Where to.  [default: backups/ in the home]"
)
@pass_session
def backup(session: Session, out: Path | None) -> None:
    """Write a whole, checked copy of the database, while others go on working with it."""
    copied = session.upkeep().back_up(out)
    session.show(copied, lambda: [f"Backed up to {copied.copy}", "Adapters are files beside it: adapters/."])


@command.command("restore")
@click.argument("file", type=click.Path(path_type=Path))
@yes_option
@pass_session
def restore(session: Session, file: Path, yes: bool) -> None:
    """Put a backup in the database's place. What is there now is kept beside it."""

    def agree() -> None:
        confirmed(f"Put {file} in the place of the database?", yes)

    copied = session.upkeep().restore(file, agree)
    kept = [f"What was there is kept as {copied.copy}"] if copied.copy else []
    session.show(copied, lambda: [f"Restored {copied.database} from {file}.", *kept])
