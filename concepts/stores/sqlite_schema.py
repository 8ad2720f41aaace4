"""The database file: whether it is ours, how it is made, and which revision it has."""

import sqlite3
import stat
from contextlib import closing, suppress
from pathlib import Path

import migrations
from concepts.durable import make_folder, staged_file, sync_folder
from concepts.errors import DatabaseTooNew, DatabaseUnusable
from concepts.stores.sqlite_engine import BUSY_SECONDS, registry_engine

APPLICATION_ID = 0x4C535444
"""In the file's header, at byte 68: "LSTD". No other file is opened or written to."""

_LEFT_AS_IT_IS = "It was left as it is: move it away, or use another --home."


def prepare(path: Path, user: str) -> None:
    """Leave a database of ours at `path`, in the revision of this code; what had no owner yet belongs to `user`.

    Raises DatabaseUnusable for a file that is not ours or is damaged, DatabaseTooNew for one of a newer version; both
    before anything is written.
    """
    # In this order: a journal that is seen before the database is missing belongs to a database that was lost.
    journals = [name for suffix in ("-journal", "-wal") if (name := path.with_name(path.name + suffix)).exists()]
    if not path.exists():
        if journals:
            cause = f"{path} is gone, but its journal {journals[0].name} is there."
            raise DatabaseUnusable(cause, "Put the database back, or move the journal away.")
        create(path, user)
        return
    check_header(path)
    revision = read_revision(path)
    if revision != migrations.HEAD:
        _bring_up(path, revision, user)


def check_header(path: Path) -> None:
    """Raise DatabaseUnusable unless the file begins like a database of ours; SQLite is not asked."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise DatabaseUnusable(f"{path} is not a file.", _LEFT_AS_IT_IS)
    with path.open("rb") as file:
        header = file.read(100)
    if not header:
        raise DatabaseUnusable(f"{path} is empty (0 bytes).", f"Put a backup in its place. {_LEFT_AS_IT_IS}")
    if len(header) < 100 or not header.startswith(b"SQLite format 3\0"):
        raise DatabaseUnusable(f"{path} is not a λ-Studio database.", _LEFT_AS_IT_IS)
    if int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise DatabaseUnusable(f"{path} is another program's SQLite database.", _LEFT_AS_IT_IS)


def read_revision(path: Path) -> str:
    """The revision that the database says it has. Raises DatabaseUnusable where it says none."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=BUSY_SECONDS)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'alembic_version'").fetchone():
            raise DatabaseUnusable(f"{path} has no schema version.", f"Put a backup in its place. {_LEFT_AS_IT_IS}")
        rows = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    if len(rows) != 1:
        raise DatabaseUnusable(
            f"{path} has {len(rows)} schema versions.", f"Put a backup in its place. {_LEFT_AS_IT_IS}"
        )
    return str(rows[0][0])


def create(path: Path, user: str) -> None:
    """Make an empty database under another name, and give it its own when it is durable. Another may win the race."""
    make_folder(path.parent, 0o700)
    with suppress(FileExistsError), staged_file(path) as empty:
        _write_empty(empty, user)
    sync_folder(path.parent)  # another's, too: this process counts on it being there


def _write_empty(path: Path, user: str) -> None:
    from concepts.stores.upgrade import run_revisions  # Alembic is slow to import, and seldom needed

    engine = registry_engine(path, foreign_keys=False, create=True)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"PRAGMA application_id={APPLICATION_ID}")
        run_revisions(connection, user)


def _bring_up(path: Path, revision: str, user: str) -> None:
    from concepts.stores.upgrade import known_revisions, upgrade

    if revision not in known_revisions():
        cause = f"{path} has schema {revision[:40]!r}, which is newer than this version knows ({migrations.HEAD})."
        raise DatabaseTooNew(cause, "Update λ-Studio: pip install -U lambda-studio. The database was left as it is.")
    upgrade(path, user)
