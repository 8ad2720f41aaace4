"""SQLite connections, with the settings that make every commit durable."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from concepts.errors import ConceptError, DatabaseBusy, DatabaseUnusable, StorageFailed
from concepts.file_systems import on_network

BUSY_SECONDS = 30
"""The timeout for another process's transaction."""

NOTICE_SECONDS = 2
"""The wait before the user is notified."""

READ_ONLY = {"registry_reads": True}
"""Execution options of a read-only connection, which waits for no writer."""

SYNCHRONOUS = {"wal": "FULL", "delete": "EXTRA"}
"""`PRAGMA synchronous` for each journal mode. In DELETE mode, FULL can lose the last commit."""


def wal_is_sound(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> bool:
    """Return whether this SQLite has the fix of the WAL-reset bug, which can corrupt a database."""
    return (3, 44, 6) <= version < (3, 45) or (3, 50, 7) <= version < (3, 51) or version >= (3, 51, 3)


def choose_journal(path: Path) -> Literal["wal", "delete"]:
    """Return the journal mode for a database at `path`: WAL only where it is safe."""
    return "wal" if wal_is_sound() and not on_network(path) else "delete"


def switch_journal(connection: sqlite3.Connection, mode: Literal["wal", "delete"]) -> str:
    """Set the database's journal mode; return the resulting mode.

    Raises sqlite3.OperationalError if the database must leave WAL while other connections are open.
    """
    try:
        return connection.execute(f"PRAGMA journal_mode={mode}").fetchone()[0]
    except sqlite3.OperationalError:
        present = connection.execute("PRAGMA journal_mode").fetchone()[0]
        if mode == "delete" and present == "wal":
            raise
        return present  # SQLite does not wait for writers before it enters WAL; a later connection enters it


def registry_engine(
    path: Path, *, foreign_keys: bool = True, create: bool = False, notify: Callable[[str], None] | None = None
) -> Engine:
    """Return an engine that opens a connection for each transaction and begins with BEGIN IMMEDIATE.

    Connections are not pooled, so no fork can inherit one. If another process holds the database for more than
    NOTICE_SECONDS, `notify` is called once per transaction. Without `create`, a missing file is an error.
    """
    target = f"{path.absolute().as_uri()}?mode={'rwc' if create else 'rw'}"
    mode = choose_journal(path)

    def connect() -> sqlite3.Connection:
        # isolation_level None: the driver starts no implicit transaction.
        return sqlite3.connect(target, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: Any) -> None:
        connection.execute(f"PRAGMA foreign_keys={'ON' if foreign_keys else 'OFF'}")  # has no effect inside BEGIN
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute("PRAGMA secure_delete=ON")  # deleted rows are overwritten, not only unlinked
        synchronous = SYNCHRONOUS[switch_journal(connection, mode)]
        connection.execute(f"PRAGMA synchronous={synchronous}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # With a deferred BEGIN, a write after a read fails at once if another writer committed in between.
        reads = connection.get_execution_options().get("registry_reads", False)
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        _begin(driver, "BEGIN" if reads else "BEGIN IMMEDIATE", path, notify)
        if reads:
            connection.exec_driver_sql("PRAGMA query_only=ON")

    return engine


def _begin(connection: sqlite3.Connection, words: str, path: Path, notify: Callable[[str], None] | None) -> None:
    """Begin a transaction; notify the user if it has to wait."""
    connection.execute(f"PRAGMA busy_timeout={min(NOTICE_SECONDS, BUSY_SECONDS) * 1000}")
    try:
        connection.execute(words)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        if notify is not None:
            notify(f"Waiting for another process that writes to {path}, up to {BUSY_SECONDS} seconds.")
        connection.execute(f"PRAGMA busy_timeout={max(0, BUSY_SECONDS - NOTICE_SECONDS) * 1000}")
        connection.execute(words)
    connection.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")


@contextmanager
def database_errors(path: Path) -> Iterator[None]:
    """Convert SQLite's errors to errors that name the file and a remedy. Other errors pass unchanged."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        refusal = _refusal(error.orig if isinstance(error, DBAPIError) else error, path)
        if refusal is None:
            raise
        raise refusal from error
    except UnicodeDecodeError as error:
        raise _damaged(path, "a text is not valid UTF-8") from error


@contextmanager
def file_errors(path: Path) -> Iterator[None]:
    """Convert the operating system's errors to errors that name the file and a remedy."""
    try:
        yield
    except OSError as error:
        if isinstance(error, FileNotFoundError) and error.filename == str(path):
            raise StorageFailed(f"There is no database {path}.", "Check the home and the database's name.") from error
        cause = f"{error.strerror or error} at {error.filename or path}."
        raise StorageFailed(cause, "Check the disk's free space and the folder's permissions.") from error


def _refusal(error: BaseException | None, path: Path) -> ConceptError | None:
    name = getattr(error, "sqlite_errorname", None) or ""
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        cause = f"Another process has kept {path} locked for {BUSY_SECONDS} seconds."
        return DatabaseBusy(cause, "Wait for that process or stop it, then run the command again.")
    if name.startswith("SQLITE_FULL"):
        return StorageFailed(
            f"The disk that holds {path} is full.", "Free some space, then run the same command again."
        )
    if name.startswith(("SQLITE_READONLY", "SQLITE_PERM", "SQLITE_AUTH")):
        return StorageFailed(
            f"{path} cannot be written.", "Make the file and its folder writable, or use another home."
        )
    if name.startswith(("SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_PROTOCOL")):
        return StorageFailed(f"{path} cannot be read or written ({error}).", "Check the disk and the folder.")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return _damaged(path, error)
    if str(error).startswith("Could not decode to UTF-8"):  # the driver's own error, without sqlite_errorname
        return _damaged(path, "a text is not valid UTF-8")
    return None


def _damaged(path: Path, why: object) -> DatabaseUnusable:
    return DatabaseUnusable(f"{path} is damaged ({why}).", "The file was not changed. Restore a backup.")
