"""A registry in a SQLite file, for one person or for people who share a machine."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import Engine

from concepts.durable import require_room
from concepts.records import DatabaseFault, DatabaseState
from concepts.stores import sqlite_upkeep
from concepts.stores.sqlite_engine import READ_ONLY, database_errors, file_errors, registry_engine
from concepts.stores.sqlite_schema import close_to_others, prepare
from concepts.users import check_user, current_user


@dataclass(frozen=True)
class SqliteFile:
    """The database file at `path`. Writers take the lock before they read, so no writer has to re-run."""

    path: Path
    writing: ClassVar[dict[str, Any]] = {}
    reading: ClassVar[dict[str, Any]] = READ_ONLY
    abreast: ClassVar[str | None] = None
    alone: ClassVar[str | None] = None

    def __str__(self) -> str:
        return str(self.path)

    def prepare(self, user: str | None) -> str:
        """Create or upgrade the file; return the user. Raises as `Store.prepare`."""
        user = current_user() if user is None else check_user(user)
        with database_errors(self.path), file_errors(self.path):
            prepare(self.path, user)
        return user

    def notices(self) -> list[str]:
        """Return a notice if other users could read the database until now."""
        with file_errors(self.path):
            closed = self.present() and close_to_others(self.path)
        return [f"Other users could read {self.path}. Its mode is 600 now."] if closed else []

    def engine(self, notify: Callable[[str], None] | None = None) -> Engine:
        """Return `registry_engine` for this file."""
        return registry_engine(self.path, notify=notify)

    def errors(self) -> AbstractContextManager[None]:
        """Return `database_errors` for this file."""
        return database_errors(self.path)

    def close(self) -> None:
        """Do nothing: each transaction closes its own connection."""

    def require_room(self, needed: int, what: str) -> None:
        """Raise StorageFailed if the file's disk has fewer than `needed` bytes free."""
        require_room(self.path.parent, needed, what)

    def present(self) -> bool:
        """Return whether the path exists."""
        return self.path.exists()

    def state(self) -> DatabaseState:
        """Return `sqlite_upkeep.state` of this file."""
        return sqlite_upkeep.state(self.path)

    def upgrade(self) -> tuple[DatabaseState, DatabaseState]:
        """Call `sqlite_upkeep.upgrade` on this file."""
        return sqlite_upkeep.upgrade(self.path)

    def faults(self, *, contents: bool = True) -> Iterator[DatabaseFault]:
        """Return `sqlite_upkeep.faults` of this file."""
        return sqlite_upkeep.faults(self.path, contents=contents)

    def back_up(self, out: Path | None = None) -> Path:
        """Call `sqlite_upkeep.back_up` on this file."""
        return sqlite_upkeep.back_up(self.path, out)

    def restore(self, backup: Path, agree: Callable[[], object] = lambda: None) -> Path | None:
        """Call `sqlite_upkeep.restore` on this file."""
        return sqlite_upkeep.restore(self.path, backup, agree)

    def backups(self) -> list[Path]:
        """Return `sqlite_upkeep.backups` of this file."""
        return sqlite_upkeep.backups(self.path)

    def unfinished(self) -> list[Path]:
        """Return unfinished databases and backups, under their temporary names."""
        beside, copies = (
            self.path.parent.glob(f".{self.path.name}.*"),
            self.path.parent.glob(f"backups/.{self.path.stem}-*"),
        )
        return sorted([*beside, *copies])
