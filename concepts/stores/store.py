"""Where a registry is kept: a SQLite file, or a database on a PostgreSQL server."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from sqlalchemy import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError

from concepts.errors import AddressInvalid
from concepts.records import DatabaseFault, DatabaseState
from concepts.stores.sqlite import SqliteFile

FILE_NAME = "studio.sqlite3"
"""The database's name in the home folder."""

_SCHEME = re.compile(r"(?P<kind>[a-z][a-z0-9]+)(\+(?P<driver>[a-z0-9]+))?:", re.IGNORECASE)
_ADDRESSES = "Give the path of a SQLite file, or postgresql+psycopg://ROLE@HOST/DATABASE."


@runtime_checkable  # for the types that are checked while testing
class Store(Protocol):
    """Where a registry is kept. `str()` of it is what messages call it, and never holds a password."""

    @property
    def path(self) -> Path | None:
        """The file; None on a server."""

    @property
    def writing(self) -> Mapping[str, Any]:
        """Execution options of a connection that writes: what two of them do is as if one came after the other."""

    @property
    def reading(self) -> Mapping[str, Any]:
        """Execution options of a connection that sees one moment's state, and cannot write."""

    @property
    def abreast(self) -> str | None:
        """What a writing transaction says first, beside others; None where they queue by themselves."""

    @property
    def alone(self) -> str | None:
        """What one says instead that others came in the way of: it waits for them, and the others for it."""

    def prepare(self, user: str | None) -> str:
        """Leave a registry there in this code's revision; whose view of it is opened. Raises as `Database.open`."""

    def notices(self) -> list[str]:
        """What a person should know about how it was opened."""

    def engine(self, notify: Callable[[str], None] | None = None) -> Engine:
        """What gives connections, until `close`; `notify` is told where another process makes us wait."""

    def errors(self) -> AbstractContextManager[None]:
        """Turns what the database refuses into errors that name it and the remedy."""

    def close(self) -> None:
        """Give back what is open."""

    def require_room(self, needed: int, what: str) -> None:
        """Raise StorageFailed where it is known that so many bytes do not fit."""

    def present(self) -> bool:
        """Whether there is something already, be it right or wrong."""

    def state(self) -> DatabaseState:
        """The schema and size. Raises DatabaseUnusable, DatabaseUnreachable."""

    def upgrade(self) -> tuple[DatabaseState, DatabaseState]:
        """Bring the schema to this version's; what it was and what it is. Raises as `Database.open`."""

    def faults(self, *, contents: bool = True) -> Iterator[DatabaseFault]:
        """Whatever is wrong with its structure, its rows and (where asked) any byte in it."""

    def back_up(self, out: Path | None = None) -> Path:
        """A whole copy. Raises ServersOwnTool, StorageFailed."""

    def restore(self, backup: Path, agree: Callable[[], object] = lambda: None) -> Path | None:
        """Put a backup in its place; where what was there is kept. Raises ServersOwnTool, DatabaseUnusable.

        `agree` is called when the backup was found to be right, and raises to stop it.
        """

    def backups(self) -> list[Path]:
        """The copies that the registry made of itself, the newest last."""

    def unfinished(self) -> list[Path]:
        """Files of its own that were being written, perhaps by a process that died."""


def store_at(home: Path, address: str | None) -> Store:
    """The place that `address` names: a path or URL; None is the file in `home`. Raises AddressInvalid."""
    if not address:
        return SqliteFile(Path(home) / FILE_NAME)
    if (scheme := _SCHEME.match(address)) is None:
        return SqliteFile(Path(address))
    kind, driver = scheme["kind"].lower(), (scheme["driver"] or "").lower()
    if kind == "sqlite" and not driver:
        return _file(_parsed(address))
    if kind == "postgresql" and driver in ("", "psycopg"):
        from concepts.stores.postgres import PostgresServer

        return PostgresServer(_parsed(address).set(drivername="postgresql+psycopg"))
    named = kind + (f"+{driver}" if driver else "")
    raise AddressInvalid(f"A database of the kind {named!r} cannot hold a registry.", _ADDRESSES)


def _parsed(address: str) -> URL:
    # The address is in no message: it may hold a password, also where it is not written as one.
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        raise AddressInvalid("The database's address cannot be read as a URL.", _ADDRESSES) from None
    if "@" in f"{url.host}{url.database if url.host else ''}":
        remedy = "Write an @ in a password as %40; or leave the password out, and put it into ~/.pgpass."
        raise AddressInvalid("The database's address holds an @ too many.", remedy)
    if isinstance(password := url.query.get("password"), str):  # where SQLAlchemy would show it
        url = url.difference_update_query(["password"]).set(password=password)
    return url


def _file(url: URL) -> SqliteFile:
    if url.host or not url.database or url.database == ":memory:":
        raise AddressInvalid(
            "The database's address names no file.", "Write sqlite:///relative or sqlite:////absolute."
        )
    return SqliteFile(Path(url.database))
