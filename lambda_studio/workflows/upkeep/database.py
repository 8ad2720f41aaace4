"""Upgrade, check, back up, restore and examine a database, even one that cannot be opened."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from concepts.records import DatabaseFault, DatabaseState
from concepts.stores.store import store_at
from lambda_studio.errors import OutputExists
from lambda_studio.workflows.home import adapters_folder
from lambda_studio.workflows.upkeep.doctor import database_findings
from lambda_studio.workflows.upkeep.finding import Finding


@dataclass(frozen=True)
class Upgraded:
    """The database before and after an upgrade."""

    before: DatabaseState
    after: DatabaseState


@dataclass(frozen=True)
class Checked:
    """The result of a check of every row and every byte."""

    state: DatabaseState
    faults: tuple[DatabaseFault, ...]


@dataclass(frozen=True)
class Copied:
    """A backup, or after a restore the copy of the replaced database."""

    database: str
    copy: Path | None
    adapters: Path | None = None
    """The folder of the home's adapters, if there are any. No copy of a database contains them."""


class Examined(Protocol):
    """A Studio, which can be examined once the database is open."""

    def doctor(self, depth: str = "usual", *, repair: bool = False) -> list[Finding]:
        """Return the findings."""


class DatabaseUpkeep:
    """Maintenance of the database of a home, or at `address`. The database may be damaged."""

    def __init__(self, home: Path, address: str | None = None):
        self.home, self.address = home, address

    def upgrade(self) -> Upgraded:
        """Upgrade the schema to this version; a SQLite file is backed up first. Raises DatabaseUnusable."""
        with closing(store_at(self.home, self.address)) as store:
            return Upgraded(*store.upgrade())

    def check(self) -> Checked:
        """Check every row and every byte, without a change. Raises DatabaseUnusable, DatabaseUnreachable."""
        with closing(store_at(self.home, self.address)) as store:
            return Checked(store.state(), tuple(store.faults()))

    def back_up(self, out: Path | None = None) -> Copied:
        """Write a complete, checked copy while other processes work. No file is overwritten.

        Raises:
            OutputExists, DatabaseUnusable, StorageFailed, ServersOwnTool.
        """
        if out is not None and os.path.lexists(out):
            raise OutputExists(f"{out} is already there.", "Give another name: out=FILE.sqlite3")
        store = store_at(self.home, self.address)
        folder = adapters_folder(self.home)
        return Copied(str(store), store.back_up(out), folder if any(folder.glob("*.safetensors")) else None)

    def restore(self, backup: Path, agree: Callable[[], object] = lambda: None) -> Copied:
        """Replace the database by a backup, and keep a copy of the old one. Raises the errors of `back_up`.

        `agree` is called after the backup was checked, and raises to stop the restore.
        """
        store = store_at(self.home, self.address)
        return Copied(str(store), store.restore(backup, agree))

    def examine(
        self, open_studio: Callable[[], AbstractContextManager[Examined]], depth: str, repair: bool
    ) -> list[Finding]:
        """Return the findings of `Studio.doctor`. For an unusable database, name the newest backup."""
        with closing(store_at(self.home, self.address)) as store:
            found = database_findings(store, "quick") if store.present() else ()
            if lost := [finding for finding in found if not finding.whole]:
                newest = store.backups()[-1:]
                remedy = f"Restore the newest backup: studio db restore {newest[0]}" if newest else ""
                return [replace(finding, remedy=remedy or finding.remedy) for finding in lost]
        with open_studio() as studio:
            return studio.doctor(depth, repair=repair)
