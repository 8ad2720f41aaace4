"""Upgrades from an older revision to the current one: first a backup, then all revisions in one transaction."""

import sqlite3
import stat
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

import migrations
from concepts.durable import make_folder, require_room, staged_file
from concepts.errors import DatabaseUnusable
from concepts.models import Base
from concepts.stores.row_faults import value_faults
from concepts.stores.sqlite_engine import BUSY_SECONDS, registry_engine

SCRIPTS = Path(migrations.__file__).parent
"""The folder that holds env.py and versions/."""


def alembic_config(connection: Connection | None = None, user: str | None = None) -> Config:
    """Return Alembic's settings, without a file."""
    config = Config(attributes={"connection": connection, "user": user})
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def known_revisions() -> dict[str, frozenset[str]]:
    """Return every revision that this version knows, with the tables whose number of rows it changes."""
    revisions = ScriptDirectory.from_config(alembic_config()).walk_revisions()
    return {script.revision: getattr(script.module, "CHANGES_ROWS_OF", frozenset()) for script in revisions}


def run_revisions(connection: Connection, user: str) -> None:
    """Upgrade the schema to the current revision, inside the connection's transaction."""
    command.upgrade(alembic_config(connection, user), "head")


def upgrade(path: Path, user: str) -> None:
    """Upgrade an older database to the current revision. Raises DatabaseUnusable if the result is not sound."""
    engine = registry_engine(path, foreign_keys=False)  # foreign keys would empty the child tables of a rebuilt table
    with engine.begin() as connection:
        before = current_revision(connection)
        if before == migrations.HEAD:  # another process was faster
            return
        require_room(path.parent, 2 * path.stat().st_size, "The upgrade, with a backup first,")
        back_up(path, before)
        counts = row_counts(connection)
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        if wrong := next(value_faults(driver), None):
            raise _not_upgraded(path, before, wrong.said)
        try:
            run_revisions(connection, user)
        except (DBAPIError, TypeError, ValueError) as error:  # of rows or a schema that no version wrote
            cause = error.orig if isinstance(error, DBAPIError) else error
            if getattr(cause, "sqlite_errorname", "SQLITE_ERROR") != "SQLITE_ERROR":
                raise  # the disk's, or another process's
            raise _not_upgraded(path, before, str(cause)) from error
        if fault := find_fault(connection, counts, rows_changed_since(before)):
            raise _not_upgraded(path, before, fault)


def _not_upgraded(path: Path, before: str, why: str) -> DatabaseUnusable:
    remedy = "Nothing was changed. Restore a backup that is sound (studio db check tells), or report this."
    return DatabaseUnusable(f"{path} could not be upgraded from schema {before}: {why}.", remedy)


def current_revision(connection: Connection) -> str:
    """Return the database's revision."""
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()


def back_up(path: Path, revision: str) -> Path:
    """Make a checked, durable copy in `backups/` beside the database; return its path."""
    folder = path.parent / "backups"
    make_folder(folder, 0o700)
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    final = folder / f"{path.stem}-{revision}-{moment}{path.suffix}"
    with staged_file(final) as copy:
        copy_database(path, copy)
        copy.chmod(stat.S_IMODE(path.stat().st_mode))
    return final


def row_counts(connection: Connection) -> dict[str, int]:
    """Return the number of rows of each table of the registry."""
    names = [name for name in inspect(connection).get_table_names() if name != "alembic_version"]
    return {name: connection.exec_driver_sql(f'SELECT count(*) FROM "{name}"').scalar_one() for name in names}


def rows_changed_since(before: str) -> frozenset[str]:
    """Return the tables whose number of rows may change from `before` to the current revision."""
    scripts = ScriptDirectory.from_config(alembic_config()).iterate_revisions("head", before)
    known = known_revisions()
    return frozenset(table for script in scripts for table in known[script.revision])


def find_fault(connection: Connection, counts: dict[str, int], declared: Iterable[str]) -> str | None:
    """Return a description of the first fault that an upgrade caused, or None."""
    if orphans := _orphans(connection):
        return f"{len(orphans)} rows of {orphans[0][0]} refer to missing rows"
    after = row_counts(connection)
    for table in counts.keys() & after.keys() - set(declared):
        if counts[table] != after[table]:
            return f"{table} had {counts[table]} rows and has {after[table]}"
    if differences := schema_differences(connection):
        return f"the schema differs from this code in {differences[0]!r}"
    return None


def _orphans(connection: Connection) -> list[Any]:
    # PostgreSQL always checks foreign keys.
    sqlite = connection.dialect.name == "sqlite"
    return list(connection.exec_driver_sql("PRAGMA foreign_key_check")) if sqlite else []


def schema_differences(connection: Connection) -> list[object]:
    """Return Alembic's operations that would make the database equal to the models."""
    return list(compare_metadata(MigrationContext.configure(connection), Base.metadata))


def copy_database(path: Path, target: Path) -> None:
    """Copy a database, even one in use, to a new file. Raises DatabaseUnusable if it is damaged."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    source = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS)
    with closing(source), closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
        if (verdict := copy.execute("PRAGMA integrity_check").fetchone()[0]) != "ok":
            raise DatabaseUnusable(f"{path} is damaged ({verdict}).", "The file was not changed. Restore a backup.")
