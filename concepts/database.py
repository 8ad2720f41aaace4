"""The door to the registry: one file in the home folder, one short transaction for each verb."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from concepts.engine import READ_ONLY, database_errors, file_errors, registry_engine
from concepts.libraries import DEFAULT
from concepts.registry import Registry
from concepts.schema import prepare
from concepts.users import check_user, current_user

FILE_NAME = "studio.sqlite3"
"""The database's name in the home folder."""


class Database:
    """An open registry. Use `Database.open`."""

    def __init__(self, path: Path, engine: Engine, user: str):
        self.path = path
        self.user = user
        self._engine = engine

    @classmethod
    def open(cls, home: Path, user: str | None = None, notify: Callable[[str], None] | None = None) -> "Database":
        """Open the registry in `home`, made where it is missing and upgraded (after a backup) where it is old.

        `user` None is the operating system's, or whom STUDIO_USER names. `notify` is told when another process makes
        us wait. Raises NameInvalid, DatabaseUnusable,
        DatabaseTooNew, DatabaseBusy or StorageFailed; the file is then as it was.
        """
        path, user = Path(home) / FILE_NAME, current_user() if user is None else check_user(user)
        with database_errors(path), file_errors(path):
            prepare(path, user)
        database = cls(path, registry_engine(path, notify=notify), user)
        database._provide_default_library()
        return database

    @contextmanager
    def transaction(self) -> Iterator[Registry]:
        """Read and write, alone: everything is kept, or nothing where an exception leaves the block.

        Keep it short: compute before or after. Raises DatabaseBusy, DatabaseUnusable or StorageFailed.
        """
        with self._session({}) as session:
            yield Registry(session, self.user)

    @contextmanager
    def reading(self) -> Iterator[Registry]:
        """Read one moment's state without waiting for writers; writing raises StorageFailed."""
        with self._session(READ_ONLY) as session:
            session.execute(text("PRAGMA query_only=ON"))
            yield Registry(session, self.user)

    def close(self) -> None:
        """Give back what is open. A transaction afterwards would open it again."""
        self._engine.dispose()

    def __enter__(self) -> "Database":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _session(self, options: Mapping[str, Any]) -> Iterator[Session]:
        with database_errors(self.path), Session(self._engine) as session, session.begin():
            session.connection(execution_options=dict(options))  # the lock is taken here, before anything is read
            yield session

    def _provide_default_library(self) -> None:
        with self.reading() as registry:
            if self._owns_one(registry):
                return
        with self.transaction() as registry:
            if not self._owns_one(registry):
                registry.create_library(DEFAULT)

    def _owns_one(self, registry: Registry) -> bool:
        return any(library.owner == self.user for library in registry.libraries())
