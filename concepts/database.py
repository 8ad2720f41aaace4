"""The open registry: one short transaction for each call, on SQLite or PostgreSQL."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import text
from sqlalchemy.orm import Session

from concepts.errors import Contended
from concepts.registry import Registry
from concepts.rows.libraries import DEFAULT
from concepts.stores.store import FILE_NAME as FILE_NAME
from concepts.stores.store import Store, store_at

ATTEMPTS = 20
"""How often `Database.write` tries before it gives up on conflicts with other writers."""

Answer = TypeVar("Answer")


class Database:
    """An open registry. Use `Database.open`."""

    def __init__(self, store: Store, user: str, notify: Callable[[str], None] | None = None):
        self.store = store
        self.user = user
        self._engine = store.engine(notify)

    @classmethod
    def open(
        cls,
        home: Path,
        user: str | None = None,
        address: str | None = None,
        notify: Callable[[str], None] | None = None,
    ) -> "Database":
        """Open the registry; create or upgrade it if necessary. A failed open changes nothing.

        Args:
            home: the folder of the database file.
            user: defaults to STUDIO_USER or the operating system's user. On PostgreSQL it must be the connected role.
            address: a path or URL instead of `home`, as for `store_at`.
            notify: called with a message when another process makes this one wait.

        Raises:
            AddressInvalid: the address is neither a path nor the URL of a supported database.
            NameInvalid: the user's name cannot be used.
            DatabaseUnusable: the database is damaged or belongs to another program.
            DatabaseTooNew: a newer version wrote the database.
            DatabaseUnreachable: the server does not answer or rejects the role.
            DatabaseBusy: another process held the database for too long.
            StorageFailed: the disk is full, read-only or failing.
        """
        store = store_at(home, address)
        try:
            database = cls(store, store.prepare(user), notify)
            database._provide_default_library()
        except BaseException:  # KeyboardInterrupt too: no connection may stay open
            store.close()
            raise
        return database

    @property
    def path(self) -> Path | None:
        """The database file; None on a server."""
        return self.store.path

    def write(self, work: Callable[[Registry], Answer]) -> Answer:
        """Return the result of `work`, run in one transaction. Re-run `work` if another writer conflicts.

        `work` must have no effect outside its transaction. Keep it short: compute before or after.

        Raises:
            Contended: every attempt conflicted with another writer.
            DatabaseBusy, DatabaseUnusable, DatabaseUnreachable, StorageFailed: as `open`.
        """
        attempt = 1
        while True:
            try:
                with self._writing(alone=attempt > 1) as registry:
                    return work(registry)
            except Contended:
                if attempt == ATTEMPTS:
                    raise
            attempt += 1

    @contextmanager
    def transaction(self) -> Iterator[Registry]:
        """Begin one transaction: commit at the end of the block, roll back if an exception leaves it.

        Raises the errors of `write`, but does not re-run: the first conflict raises Contended.
        """
        with self._writing() as registry:
            yield registry

    @contextmanager
    def reading(self) -> Iterator[Registry]:
        """Begin a read-only transaction on a snapshot, without waiting for writers. A write raises StorageFailed."""
        with self._session(self.store.reading) as session:
            yield Registry(session, self.user)

    def close(self) -> None:
        """Close the connections. A later transaction would open them again."""
        self._engine.dispose()

    def __enter__(self) -> "Database":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _writing(self, alone: bool = False) -> Iterator[Registry]:
        with self._session(self.store.writing) as session:
            if lock := self.store.alone if alone else self.store.abreast:
                session.execute(text(lock))
            yield Registry(session, self.user)

    @contextmanager
    def _session(self, options: Mapping[str, Any]) -> Iterator[Session]:
        with self.store.errors(), Session(self._engine) as session, session.begin():
            session.connection(execution_options=dict(options))  # takes SQLite's lock before the first read
            yield session

    def _provide_default_library(self) -> None:
        with self.reading() as registry:
            if registry.owns_library():
                return
        self.write(lambda registry: registry.owns_library() or registry.create_library(DEFAULT))
