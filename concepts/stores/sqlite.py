"""A registry in a SQLite file: what belongs to one person, or to people who share a machine."""

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
from concepts.stores.sqlite_schema import prepare
from concepts.users import check_user, current_user


@dataclass(frozen=True)
class SqliteFile:
    """The file at `path`. Writers wait for each other before they read, so none has to try again."""

    path: Path
    writing: ClassVar[dict[str, Any]] = {}
    reading: ClassVar[dict[str, Any]] = READ_ONLY
    abreast: ClassVar[str | None] = None
    alone: ClassVar[str | None] = None

    def __str__(self) -> str:
        return str(self.path)

    def prepare(self, user: str | None) -> str:
        """As `Store.prepare`: the user is the operating system's unless one is named."""
        user = current_user() if user is None else check_user(user)
        with database_errors(self.path), file_errors(self.path):
            prepare(self.path, user)
        return user

    def notices(self) -> list[str]:
        """None."""
        return []

    def engine(self, notify: Callable[[str], None] | None = None) -> Engine:
        """As `registry_engine`."""
        return registry_engine(self.path, notify=notify)

    def errors(self) -> AbstractContextManager[None]:
        """As `database_errors`."""
        return database_errors(self.path)

    def close(self) -> None:
        """Nothing stays open: each transaction has a connection of its own."""

    def require_room(self, needed: int, what: str) -> None:
        """Raise StorageFailed unless the file's disk has so many bytes free."""
        require_room(self.path.parent, needed, what)

    def present(self) -> bool:
        """Whether something is at the path."""
        return self.path.exists()

    def state(self) -> DatabaseState:
        """As `sqlite_upkeep.state`."""
        return sqlite_upkeep.state(self.path)

    def upgrade(self) -> tuple[DatabaseState, DatabaseState]:
        """As `sqlite_upkeep.upgrade`."""
        return sqlite_upkeep.upgrade(self.path)

    def faults(self, *, contents: bool = True) -> Iterator[DatabaseFault]:
        """As `sqlite_upkeep.faults`."""
        return sqlite_upkeep.faults(self.path, contents=contents)

    def back_up(self, out: Path | None = None) -> Path:
        """As `sqlite_upkeep.back_up`."""
        return sqlite_upkeep.back_up(self.path, out)

    def restore(self, backup: Path, agree: Callable[[], object] = lambda: None) -> Path | None:
        """As `sqlite_upkeep.restore`."""
        return sqlite_upkeep.restore(self.path, backup, agree)

    def backups(self) -> list[Path]:
        """As `sqlite_upkeep.backups`."""
        return sqlite_upkeep.backups(self.path)

    def unfinished(self) -> list[Path]:
        """Databases and backups under the names that they have until they are whole."""
        beside, copies = (
            self.path.parent.glob(f".{self.path.name}.*"),
            self.path.parent.glob(f"backups/.{self.path.stem}-*"),
        )
        return sorted([*beside, *copies])
