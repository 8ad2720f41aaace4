"""The door to the registry: one short transaction for each verb, wherever it is kept."""

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
"""How often a verb is tried where others come between."""

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
        """Open the registry in `home`, or at `address` (as `store_at` takes it); made or upgraded where it has to be.

        `user` None is the operating system's, or whom STUDIO_USER names; on PostgreSQL it is the role that connects.
        `notify` is told when another process makes us wait.
        Raises AddressInvalid, NameInvalid, DatabaseUnusable, DatabaseTooNew, DatabaseUnreachable, DatabaseBusy or
        StorageFailed; what is there is then as it was.
        """
        store = store_at(home, address)
        try:
            database = cls(store, store.prepare(user), notify)
            database._provide_default_library()
        except BaseException:  # an interrupt too must leave no connection open
            store.close()
            raise
        return database

    @property
    def path(self) -> Path | None:
        """The file; None on a server."""
        return self.store.path

    def write(self, work: Callable[[Registry], Answer]) -> Answer:
        """What `work` answers, kept as a whole, or nothing of it; done again from its start where others came between.

        So `work` does nothing that outlasts its transaction. Keep it short: compute before or after. Raises Contended
        where others came between every time, DatabaseBusy, DatabaseUnusable, DatabaseUnreachable or StorageFailed.
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
        """Read and write, once: everything is kept, or nothing where an exception leaves the block.

        Raises as `write`; Contended at once where others came between.
        """
        with self._writing() as registry:
            yield registry

    @contextmanager
    def reading(self) -> Iterator[Registry]:
        """Read one moment's state without waiting for writers; writing raises StorageFailed."""
        with self._session(self.store.reading) as session:
            yield Registry(session, self.user)

    def close(self) -> None:
        """Give back what is open. A transaction afterwards would open it again."""
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
            session.connection(execution_options=dict(options))  # SQLite's lock is taken here, before anything is read
            yield session

    def _provide_default_library(self) -> None:
        with self.reading() as registry:
            if registry.owns_library():
                return
        self.write(lambda registry: registry.owns_library() or registry.create_library(DEFAULT))
