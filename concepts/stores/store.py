"""The interface of the registry's stores, and `store_at`, which chooses one by its address."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from sqlalchemy import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError

from concepts.errors import AddressInvalid
from concepts.names import shown
from concepts.records import DatabaseFault, DatabaseState
from concepts.stores.sqlite import SqliteFile

FILE_NAME = "studio.sqlite3"
"""The name of the database file in the home folder."""

_SCHEME = re.compile(r"(?P<kind>[a-z][a-z0-9]+)(\+(?P<driver>[a-z0-9]+))?:", re.IGNORECASE)
_LIBPQ = re.compile(r"(^|\s)(host|hostaddr|port|dbname|user|password|passfile|service|sslmode)\s*=", re.IGNORECASE)
_ADDRESSES = "Give the path of a SQLite file, or postgresql+psycopg://ROLE@HOST/DATABASE."


@runtime_checkable  # for the type checks in tests
class Store(Protocol):
    """A SQLite file or a database on a server. `str()` gives its name for messages, never with a password."""

    @property
    def path(self) -> Path | None:
        """The database file; None on a server."""

    @property
    def writing(self) -> Mapping[str, Any]:
        """Execution options of a writing connection. Concurrent writers are serializable."""

    @property
    def reading(self) -> Mapping[str, Any]:
        """Execution options of a read-only connection, which sees one snapshot."""

    @property
    def abreast(self) -> str | None:
        """The first statement of a writing transaction that runs beside others; None if writers queue anyway."""

    @property
    def alone(self) -> str | None:
        """The first statement of a re-run after a conflict. It waits for other writers and blocks them."""

    def prepare(self, user: str | None) -> str:
        """Create or upgrade the registry; return the user of this connection. Raises as `Database.open`."""

    def notices(self) -> list[str]:
        """Return messages for the user about how the store was opened."""

    def engine(self, notify: Callable[[str], None] | None = None) -> Engine:
        """Return the engine, usable until `close`. `notify` is called when another process makes this one wait."""

    def errors(self) -> AbstractContextManager[None]:
        """Return a context that converts the database's errors to errors that name the store and a remedy."""

    def close(self) -> None:
        """Close the connections."""

    def require_room(self, needed: int, what: str) -> None:
        """Raise StorageFailed if the disk is known to have fewer than `needed` bytes free."""

    def present(self) -> bool:
        """Return whether something exists at the address, valid or not."""

    def state(self) -> DatabaseState:
        """Return the schema and size.

        Raises:
            DatabaseUnusable: the database is missing, damaged or another program's.
            DatabaseUnreachable: the server does not answer or rejects the role.
        """

    def upgrade(self) -> tuple[DatabaseState, DatabaseState]:
        """Upgrade the schema; return the state before and after. Raises as `Database.open`."""

    def faults(self, *, contents: bool = True) -> Iterator[DatabaseFault]:
        """Iterate over faults of the structure, the rows and (with `contents`) the blobs."""

    def back_up(self, out: Path | None = None) -> Path:
        """Make a whole copy; return its path.

        Raises:
            ServersOwnTool: the store is a server.
            StorageFailed: the copy cannot be written, or `out` exists.
        """

    def restore(self, backup: Path, agree: Callable[[], object] = lambda: None) -> Path | None:
        """Replace the database with a backup; return the path of the old database's copy, or None.

        `agree` is called once the backup is found sound; an exception from `agree` stops the restore.

        Raises:
            ServersOwnTool: the store is a server.
            DatabaseUnusable: the backup is damaged, another program's or too new.
        """

    def backups(self) -> list[Path]:
        """Return the registry's backups, newest last."""

    def unfinished(self) -> list[Path]:
        """Return the registry's unfinished files. The process that wrote them may be dead."""


def store_at(home: Path, address: str | None) -> Store:
    """Return the store at `address`, a path or URL; None is the file in `home`. Raises AddressInvalid."""
    if not address:
        return SqliteFile(Path(home) / FILE_NAME)
    if (scheme := _SCHEME.match(address)) is None:
        return _plain_file(address)
    kind, driver = scheme["kind"].lower(), (scheme["driver"] or "").lower()
    if kind == "sqlite" and not driver:
        return _file(_parsed(address))
    if kind == "postgresql" and driver in ("", "psycopg"):
        from concepts.stores.postgres import PostgresServer

        return PostgresServer(_parsed(address).set(drivername="postgresql+psycopg"))
    named = kind + (f"+{driver}" if driver else "")
    raise AddressInvalid(f"A registry cannot be stored in a database of the kind {named!r}.", _ADDRESSES)


def _plain_file(address: str) -> SqliteFile:
    if _LIBPQ.search(address):  # it may contain a password, so it is not shown
        raise AddressInvalid("The database's address is a connection string, not a URL.", _ADDRESSES)
    if not Path(address).name or os.path.isdir(address):
        raise AddressInvalid(f"The database's address {shown(address)} is a folder.", _ADDRESSES)
    return SqliteFile(Path(address))


def _parsed(address: str) -> URL:
    # No message contains the address: any part of it may be a password.
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        raise AddressInvalid("The database's address cannot be read as a URL.", _ADDRESSES) from None
    if "@" in f"{url.host}{url.database if url.host else ''}":
        remedy = "Write an @ in a password as %40, or store the password in ~/.pgpass instead."
        raise AddressInvalid("The database's address contains too many @ characters.", remedy)
    if isinstance(password := url.query.get("password"), str):  # SQLAlchemy would show a password in the query
        url = url.difference_update_query(["password"]).set(password=password)
    return url


def _file(url: URL) -> SqliteFile:
    if url.host or not url.database or url.database == ":memory:":
        raise AddressInvalid(
            "The database's address names no file.", "Write sqlite:///relative or sqlite:////absolute."
        )
    return SqliteFile(Path(url.database))
