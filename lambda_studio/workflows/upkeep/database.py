"""What is done to a database as such, also where it cannot be opened: upgrade, check, back up, restore, examine."""

from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from concepts.records import DatabaseFault, DatabaseState
from concepts.stores.store import store_at
from lambda_studio.errors import OutputExists
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
    """A backup that was made, or the file that holds what a restored one replaced."""

    database: str
    copy: Path | None


class Examined(Protocol):
    """What can be examined once the database is open: a Studio."""

    def doctor(self, depth: str = "usual", *, repair: bool = False) -> list[Finding]:
        """Return what was looked at."""


class DatabaseUpkeep:
    """The database of a home, or the one at `address`, as such: it need not be sound for this."""

    def __init__(self, home: Path, address: str | None = None):
        self.home, self.address = home, address

    def upgrade(self) -> Upgraded:
        """Bring the schema to this version's, in a file after a backup. Raises DatabaseUnusable."""
        with closing(store_at(self.home, self.address)) as store:
            return Upgraded(*store.upgrade())

    def check(self) -> Checked:
        """Look at every row and every byte, and change nothing. Raises DatabaseUnusable, DatabaseUnreachable."""
        with closing(store_at(self.home, self.address)) as store:
            return Checked(store.state(), tuple(store.faults()))

    def back_up(self, out: Path | None = None) -> Copied:
        """Make a whole, checked copy, while others go on working, and never over another file.

        Raises:
            OutputExists, DatabaseUnusable, StorageFailed, ServersOwnTool.
        """
        if out is not None and out.exists():
            raise OutputExists(f"{out} is already there.", "Give another name: --out FILE.sqlite3")
        store = store_at(self.home, self.address)
        return Copied(str(store), store.back_up(out))

    def restore(self, backup: Path, agree: Callable[[], object] = lambda: None) -> Copied:
        """Replace the database by a backup, and keep what was there. Raises as `back_up`.

        `agree` is called when the backup was found to be right, and raises to stop it.
        """
        store = store_at(self.home, self.address)
        return Copied(str(store), store.restore(backup, agree))

    def examine(
        self, open_studio: Callable[[], AbstractContextManager[Examined]], depth: str, repair: bool
    ) -> list[Finding]:
        """Return what `Studio.doctor` finds; where the database cannot be used, that, and which backup there is."""
        with closing(store_at(self.home, self.address)) as store:
            found = database_findings(store, "quick") if store.present() else ()
            if lost := [finding for finding in found if not finding.whole]:
                newest = store.backups()[-1:]
                remedy = f"Put the newest backup in its place: studio db restore {newest[0]}" if newest else ""
                return [replace(finding, remedy=remedy or finding.remedy) for finding in lost]
        with open_studio() as studio:
            return studio.doctor(depth, repair=repair)
