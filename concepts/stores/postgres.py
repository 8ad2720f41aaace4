"""A registry in a database on a PostgreSQL server, for a team."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from shlex import quote
from typing import Any, ClassVar

from sqlalchemy import URL, Engine, create_engine, event, text

import migrations
from concepts.errors import ConceptError, DatabaseUnusable, NameInvalid, ServersOwnTool
from concepts.names import shown
from concepts.records import DatabaseFault, DatabaseState
from concepts.stores.postgres_errors import postgres_errors
from concepts.stores.postgres_schema import bring_up, find_revision, look_in_own_schema, require_closed, require_known
from concepts.stores.row_faults import row_faults
from concepts.stores.sqlite_engine import BUSY_SECONDS
from concepts.users import VARIABLE, check_user

CONNECT_SECONDS = 10
"""The connection timeout, unless the URL sets `connect_timeout`."""

_WHO = text("SELECT session_user, current_setting('server_encoding')")
_DAMAGED = text("""
    SELECT sha, EXISTS (SELECT FROM version_images WHERE image_sha = sha OR mask_sha = sha)
        OR NOT EXISTS (SELECT FROM features WHERE blob_sha = sha)
        OR EXISTS (SELECT FROM features JOIN version_images USING (image_sha)
                   WHERE blob_sha = sha AND width = 1 AND height = 1)
    FROM blobs WHERE encode(sha256(data), 'hex') <> sha ORDER BY sha
""")


class PostgresServer:
    """The database at `url`, seen by the connected role.

    Writers are SERIALIZABLE and do not wait. If two conflict, one raises `Contended`. Its re-run excludes other
    writers.
    """

    path: ClassVar[Path | None] = None
    writing: ClassVar[dict[str, Any]] = {"isolation_level": "SERIALIZABLE"}
    reading: ClassVar[dict[str, Any]] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    # Readers wait for neither lock. The lock comes before any SELECT, because the first SELECT takes the transaction's
    # snapshot: a wait after the snapshot could not prevent a conflict.
    abreast: ClassVar[str | None] = "LOCK TABLE alembic_version IN ROW EXCLUSIVE MODE"
    alone: ClassVar[str | None] = "LOCK TABLE alembic_version IN SHARE ROW EXCLUSIVE MODE"

    def __init__(self, url: URL):
        self.url = url
        self._notices: list[str] = []

    def __str__(self) -> str:
        # Built from the parts: the URL's query may contain a password.
        role = f"{self.url.username}@" if self.url.username else ""
        port = f":{self.url.port}" if self.url.port else ""
        return f"postgresql://{role}{self.url.host or ''}{port}/{self.url.database or ''}"

    def engine(self, notify: Callable[[str], None] | None = None) -> Engine:
        """Return the engine. It tests each pooled connection before use, because the server may have restarted.

        `notify` is never called: a server does not report a wait, but fails after BUSY_SECONDS.
        """
        return self._engine

    @cached_property
    def _engine(self) -> Engine:
        settings = {"application_name": "lambda-studio", "client_encoding": "utf8", "connect_timeout": CONNECT_SECONDS}
        settings = {name: value for name, value in settings.items() if name not in self.url.query}
        settings["options"] = f"{self.url.query.get('options', '')} -c lock_timeout={BUSY_SECONDS}s".strip()
        try:
            engine = create_engine(
                self.url, connect_args=settings, isolation_level="READ COMMITTED", pool_size=2, pool_pre_ping=True
            )
            event.listen(engine, "connect", lambda connection, _record: look_in_own_schema(connection), insert=True)
            return engine
        except ImportError as error:
            cause = f"{self} needs psycopg, which cannot be imported here ({error})."
            raise DatabaseUnusable(cause, "Install it: pip install 'psycopg[binary]>=3.2,<4'") from error

    def errors(self) -> AbstractContextManager[None]:
        """Return `postgres_errors` for this database."""
        return postgres_errors(str(self))

    def close(self) -> None:
        """Close the connections."""
        if "_engine" in self.__dict__:
            self._engine.dispose()

    def prepare(self, user: str | None) -> str:
        """Create or upgrade the tables; return the user, which is the connected role despite `STUDIO_USER`.

        Raises as `Store.prepare`, and NameInvalid if `user` is not the connected role.
        """
        with self.errors():
            role = self._role()
            if user is not None and user != role:
                cause = f"On {self} the user is the role that connects, {shown(role)}, and cannot be {shown(user)}."
                raise NameInvalid(cause, "Connect as that role: postgresql+psycopg://ROLE@HOST/DATABASE.")
            if self._revision() != migrations.HEAD:
                bring_up(self._engine, str(self), role)
        if (asked := os.environ.get(VARIABLE)) and asked != role:
            self._notices = [f"{VARIABLE} says {shown(asked)}; on PostgreSQL you are still the role {shown(role)}."]
        return role

    def notices(self) -> list[str]:
        """Return a notice if `STUDIO_USER` names another user than the role."""
        return self._notices

    def require_room(self, needed: int, what: str) -> None:
        """Do nothing: the free space of the server's disk is unknown. A full disk raises StorageFailed at the write."""

    def present(self) -> bool:
        """Return False if the database has no tables. Return True if the check fails."""
        try:
            with self.errors():
                return self._revision() is not None
        except ConceptError:
            return True

    def state(self) -> DatabaseState:
        """Return the schema revision and the size of the whole database. Raises as `Store.state`."""
        with self.errors():
            revision = self._revision()
            if revision is None:
                raise DatabaseUnusable(f"{self} has no registry yet.", "Any other command creates one.")
            with self._engine.connect() as connection:
                size = connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()
        return DatabaseState(str(self), revision, migrations.HEAD, size)

    def upgrade(self) -> tuple[DatabaseState, DatabaseState]:
        """Upgrade the schema in one transaction, without a backup: use pg_dump first. Raises as `Store.upgrade`."""
        before = self.state()
        self.prepare(None)
        return before, self.state()

    def faults(self, *, contents: bool = True) -> Iterator[DatabaseFault]:
        """Iterate over differences from the models' schema, rows that contradict themselves, and damaged blobs.

        The server computes the hashes of blobs.
        """
        from concepts.stores.upgrade import schema_differences  # Alembic is slow to import

        require_known(str(self), self.state().revision)
        with self.errors(), self._engine.connect() as connection:
            for difference in schema_differences(connection)[:10]:
                yield DatabaseFault(f"the schema differs from this version's in {difference!r}")
            if contents:
                yield from row_faults(lambda query: connection.execute(text(query)))
                for sha, kept in connection.execute(_DAMAGED):
                    what = "given by a person" if kept else "a cached value"
                    yield DatabaseFault(f"the bytes of {sha}, {what}, are damaged", derived=not kept)

    def back_up(self, out: Path | None = None) -> Path:
        """Raise ServersOwnTool, with the pg_dump command."""
        command = f"pg_dump --format=custom --file={quote(str(out or 'studio.dump'))} {self._for_tools()}"
        raise ServersOwnTool(f"{self} is backed up by PostgreSQL's own tool.", f"Run: {command}")

    def restore(self, backup: Path, agree: Callable[[], object] = lambda: None) -> Path | None:
        """Raise ServersOwnTool, with the pg_restore command."""
        dump = quote(f"./{backup}" if str(backup).startswith("-") else str(backup))  # a path, not an option
        command = f"pg_restore --clean --if-exists --single-transaction {self._for_tools()} {dump}"
        raise ServersOwnTool(f"{self} is restored by PostgreSQL's own tool.", f"Run while it is not in use: {command}")

    def backups(self) -> list[Path]:
        """Return an empty list: the registry makes no backups on a server."""
        return []

    def unfinished(self) -> list[Path]:
        """Return an empty list."""
        return []

    def _role(self) -> str:
        """Return the connected role.

        Raises:
            DatabaseUnusable: the database's encoding is not UTF8, or every role may create objects in its schema.
            NameInvalid: the role's name cannot be a user's name.
        """
        with self._engine.connect() as connection:
            require_closed(connection, str(self))
            role, encoding = connection.execute(_WHO).one()
        if encoding != "UTF8":
            remedy = "Create a UTF8 database: createdb --template=template0 --encoding=UTF8 NAME"
            raise DatabaseUnusable(f"{self} cannot store all names: its encoding is {encoding}.", remedy)
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
