"""A registry in a database on a PostgreSQL server: for a team."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from shlex import quote
from typing import Any, ClassVar

from sqlalchemy import URL, Engine, create_engine, text

import migrations
from concepts.errors import ConceptError, DatabaseUnusable, NameInvalid, ServersOwnTool
from concepts.names import shown
from concepts.records import DatabaseFault, DatabaseState
from concepts.stores.postgres_errors import postgres_errors
from concepts.stores.postgres_schema import bring_up, find_revision, require_known
from concepts.stores.sqlite_engine import BUSY_SECONDS
from concepts.users import VARIABLE, check_user

CONNECT_SECONDS = 10
"""How long we wait for a server to answer, where the URL's `connect_timeout` says nothing else."""

_WHO = text("SELECT session_user, current_setting('server_encoding')")
_DAMAGED = text("""
    SELECT sha, EXISTS (SELECT FROM version_images WHERE image_sha = sha OR mask_sha = sha)
        OR NOT EXISTS (SELECT FROM features WHERE blob_sha = sha)
        OR EXISTS (SELECT FROM features JOIN version_images USING (image_sha)
                   WHERE blob_sha = sha AND width = 1 AND height = 1)
    FROM blobs WHERE encode(sha256(data), 'hex') <> sha ORDER BY sha
""")


class PostgresServer:
    """The database that `url` names, seen by the role that it connects as.

    Writers are SERIALIZABLE and wait for nobody: of two that meet, one is told `Contended`, and does it again,
    with no other writer beside it.
    """

    path: ClassVar[Path | None] = None
    writing: ClassVar[dict[str, Any]] = {"isolation_level": "SERIALIZABLE"}
    reading: ClassVar[dict[str, Any]] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    # Readers wait for neither. No SELECT may come before them: the first one fixes what a transaction sees, so that
    # waiting afterwards would be for nothing.
    abreast: ClassVar[str | None] = "LOCK TABLE alembic_version IN ROW EXCLUSIVE MODE"
    alone: ClassVar[str | None] = "LOCK TABLE alembic_version IN SHARE ROW EXCLUSIVE MODE"

    def __init__(self, url: URL):
        self.url = url
        self._notices: list[str] = []

    def __str__(self) -> str:
        # From its parts: a password can also stand in the URL's query.
        role = f"{self.url.username}@" if self.url.username else ""
        port = f":{self.url.port}" if self.url.port else ""
        return f"postgresql://{role}{self.url.host or ''}{port}/{self.url.database or ''}"

    def engine(self, notify: Callable[[str], None] | None = None) -> Engine:
        """Pooled connections, each tried before it is used: a server may have been started anew meanwhile.

        `notify` is told nothing: a server does not say that it waits, but gives up after BUSY_SECONDS.
        """
        return self._engine

    @cached_property
    def _engine(self) -> Engine:
        settings = {"application_name": "lambda-studio", "client_encoding": "utf8", "connect_timeout": CONNECT_SECONDS}
        settings = {name: value for name, value in settings.items() if name not in self.url.query}
        settings["options"] = f"{self.url.query.get('options', '')} -c lock_timeout={BUSY_SECONDS}s".strip()
        try:
            return create_engine(
                self.url, connect_args=settings, isolation_level="READ COMMITTED", pool_size=2, pool_pre_ping=True
            )
        except ImportError as error:
            cause = f"{self} needs psycopg, which cannot be imported here ({error})."
            raise DatabaseUnusable(cause, "Install it: pip install 'psycopg[binary]>=3.2,<4'") from error

    def errors(self) -> AbstractContextManager[None]:
        """As `postgres_errors`."""
        return postgres_errors(str(self))

    def close(self) -> None:
        """Close the connections."""
        if "_engine" in self.__dict__:
            self._engine.dispose()

    def prepare(self, user: str | None) -> str:
        """As `Store.prepare`: the user is the role that connects, whatever `STUDIO_USER` says.

        Raises NameInvalid where another is asked for.
        """
        with self.errors():
            role = self._role()
            if user is not None and user != role:
                cause = f"On {self} the user is the role that connects, {shown(role)}, and cannot be {shown(user)}."
                raise NameInvalid(cause, "Connect as that role: postgresql+psycopg://ROLE@HOST/DATABASE.")
            if self._revision() != migrations.HEAD:
                bring_up(self._engine, str(self), role)
        if (asked := os.environ.get(VARIABLE)) and asked != role:
            self._notices = [
                f"{VARIABLE} says {shown(asked)}; on PostgreSQL you are the role {shown(role)} all the same."
            ]
        return role

    def notices(self) -> list[str]:
        """That `STUDIO_USER` named somebody else, where it did."""
        return self._notices

    def require_room(self, needed: int, what: str) -> None:
        """Nothing: how much room its disk has, the server tells when there is none."""

    def present(self) -> bool:
        """False for a database without a table, to which nothing is in the way."""
        try:
            with self.errors():
                return self._revision() is not None
        except ConceptError:
            return True

    def state(self) -> DatabaseState:
        """As `Store.state`; the size is that of all that is in the database."""
        with self.errors():
            revision = self._revision()
            if revision is None:
                raise DatabaseUnusable(f"{self} holds no registry yet.", "Any other command makes one.")
            with self._engine.connect() as connection:
                size = connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()
        return DatabaseState(str(self), revision, migrations.HEAD, size)

    def upgrade(self) -> tuple[DatabaseState, DatabaseState]:
        """As `Store.upgrade`, in one transaction, all of it or nothing; a dump before it is the server's own tool's."""
        before = self.state()
        self.prepare(None)
        return before, self.state()

    def faults(self, *, contents: bool = True) -> Iterator[DatabaseFault]:
        """Where the schema is not the models', and bytes that are not what their name says; the server hashes them."""
        from concepts.stores.upgrade import schema_differences  # Alembic is slow to import

        require_known(str(self), self.state().revision)
        with self.errors(), self._engine.connect() as connection:
            for difference in schema_differences(connection)[:10]:
                yield DatabaseFault(f"the schema differs from this version's in {difference!r}")
            if contents:
                for sha, kept in connection.execute(_DAMAGED):
                    what = "given by a person" if kept else "a cached value"
                    yield DatabaseFault(f"the bytes of {sha}, {what}, are damaged", derived=not kept)

    def back_up(self, out: Path | None = None) -> Path:
        """Raises ServersOwnTool, which says how."""
        command = f"pg_dump --format=custom --file={quote(str(out or 'studio.dump'))} {self._for_tools()}"
        raise ServersOwnTool(f"{self} is backed up by PostgreSQL's own tool.", f"While others work on: {command}")

    def restore(self, backup: Path, agree: Callable[[], object] = lambda: None) -> Path | None:
        """Raises ServersOwnTool, which says how."""
        dump = quote(f"./{backup}" if str(backup).startswith("-") else str(backup))  # a name, and no option
        command = f"pg_restore --clean --if-exists --single-transaction {self._for_tools()} {dump}"
        raise ServersOwnTool(f"{self} is restored by PostgreSQL's own tool.", f"When nobody works in it: {command}")

    def backups(self) -> list[Path]:
        """None that we know of."""
        return []

    def unfinished(self) -> list[Path]:
        """None."""
        return []

    def _role(self) -> str:
        """Whose view this connection has. Raises NameInvalid, DatabaseUnusable."""
        with self._engine.connect() as connection:
            role, encoding = connection.execute(_WHO).one()
        if encoding != "UTF8":
            remedy = "Make one that takes every name: createdb --template=template0 --encoding=UTF8 NAME"
            raise DatabaseUnusable(f"{self} is encoded in {encoding}, and names are Unicode.", remedy)
        if check_user(role) != role:  # two roles must not become one user
            raise NameInvalid(f"The role {shown(role)} cannot be a user.", "Connect as a role with a plainer name.")
        return role

    def _revision(self) -> str | None:
        with self._engine.connect() as connection:
            return find_revision(connection, str(self))

    def _for_tools(self) -> str:
        parts = {"host": self.url.host, "port": self.url.port, "username": self.url.username}
        named = {name: value for name, value in parts.items() if value} | {"dbname": self.url.database or "NAME"}
        return " ".join(f"--{name}={quote(str(value))}" for name, value in named.items())
