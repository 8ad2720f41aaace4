"""What is done to a home as a whole, also where its database cannot be opened: check, back up, restore, examine."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from concepts.records import DatabaseFault, DatabaseState
from concepts.stores.store import store_at
from lambda_studio.errors import OutputExists
from lambda_studio.studio import Studio
from lambda_studio.workflows.upkeep.doctor import Finding, database_findings


@dataclass(frozen=True)
class Upgraded:
    """The database before and after."""

    before: DatabaseState
    after: DatabaseState


@dataclass(frozen=True)
class Checked:
    """A check of every row and every byte."""

    state: DatabaseState
    faults: tuple[DatabaseFault, ...]


@dataclass(frozen=True)
class Copied:
    """A backup that was made, or the place where what a restored one replaced is kept."""

    database: str
    copy: Path | None


def upgrade_database(home: Path, address: str | None = None) -> Upgraded:
    """Bring the schema to this version's, in a file after a backup. Raises DatabaseUnusable; it is then as it was."""
    with closing(store_at(home, address)) as store:
        return Upgraded(*store.upgrade())


def check_database(home: Path, address: str | None = None) -> Checked:
    """Look at every row and every byte, and change nothing. Raises DatabaseUnusable, DatabaseUnreachable."""
    with closing(store_at(home, address)) as store:
        return Checked(store.state(), tuple(store.faults()))


def back_up_database(home: Path, out: Path | None, address: str | None = None) -> Copied:
    """A whole, checked copy, while others go on working, and never over another file.

    Raises OutputExists, DatabaseUnusable, StorageFailed or ServersOwnTool.
    """
    if out is not None and out.exists():
        raise OutputExists(f"{out} is already there.", "Give another name: --out FILE.sqlite3")
    store = store_at(home, address)
    return Copied(str(store), store.back_up(out))


def restore_database(home: Path, backup: Path, agree: Callable[[], object], address: str | None = None) -> Copied:
    """Put a backup in the database's place, and keep what was there. Raises as `back_up_database`.

    `agree` is called when the backup was found to be right, and raises to stop it.
    """
    store = store_at(home, address)
    return Copied(str(store), store.restore(backup, agree))


def examine(
    home: Path, open_studio: Callable[[], Studio], depth: str, repair: bool, address: str | None = None
) -> list[Finding]:
    """Everything in a home; where its database cannot be used, that, and which backup there is."""
    with closing(store_at(home, address)) as store:
        found = database_findings(store, "quick") if store.present() else ()
        if lost := [finding for finding in found if not finding.whole]:
            newest = store.backups()[-1:]
            remedy = f"Put the newest backup in its place: studio db restore {newest[0]}" if newest else lost[0].remedy
            return [replace(finding, remedy=remedy) for finding in lost]
    with open_studio() as studio:
        return studio.examine(depth, repair)
