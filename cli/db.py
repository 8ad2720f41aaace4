"""studio db [upgrade|check|backup|restore]"""

from pathlib import Path

import click

from cli.commands import StudioGroup
from cli.screen.confirm import confirmed, yes_option
from cli.session import Session, pass_session


@click.group("db", cls=StudioGroup)
def command() -> None:
    """Upgrade, check, back up and restore the database."""


@command.command("upgrade")
@pass_session
def upgrade(session: Session) -> None:
    """Upgrade the schema to this version, after a backup. Other commands also do this if necessary."""
    done = session.upkeep().upgrade()
    changed = done.before.revision != done.after.revision
    words = f"is now schema {done.after.revision}" if changed else f"has schema {done.after.revision} already"
    session.show(done, lambda: [f"{done.after.path} {words}."])


@command.command("check")
@pass_session
def check(session: Session) -> int:
    """Check every row and every byte of the database, without a change."""
    checked = session.upkeep().check()
    size = f"schema {checked.state.revision}, {checked.state.size / 2**20:,.1f} MiB"
    told = [f"problem  {fault.said}" for fault in checked.faults] or ["Sound: every row and every hash is right."]
    session.show(checked, lambda: [f"{checked.state.path} ({size})", *told])
    return 7 if checked.faults else 0


@command.command("backup")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where to write the copy.  [default: backups/ in the home]",
)
@pass_session
def backup(session: Session, out: Path | None) -> None:
    """Write a complete, checked copy of the database. Other processes can use it meanwhile."""
    copied = session.upkeep().back_up(out)
    adapters = f"Adapters are not part of it. Copy their folder too: {copied.adapters}"
    session.show(copied, lambda: [f"Backed up to {copied.copy}", *([adapters] if copied.adapters else [])])


@command.command("restore")
@click.argument("file", type=click.Path(path_type=Path))
@yes_option
@pass_session
def restore(session: Session, file: Path, yes: bool) -> None:
    """Replace the database by a backup. A copy of the replaced database is kept beside it."""

    def agree() -> None:
        confirmed(f"{file} takes the place of the database; a copy of the present one is kept. Restore it?", yes)

    copied = session.upkeep().restore(file, agree)
    kept = [f"The replaced database is kept as {copied.copy}"] if copied.copy else []
    session.show(copied, lambda: [f"Restored {copied.database} from {file}.", *kept])
