"""The database file: recognising, creating and upgrading it."""

import os
import sqlite3
import stat
from contextlib import closing, suppress
from pathlib import Path

import migrations
from concepts.durable import make_folder, staged_file, sync_folder
from concepts.errors import DatabaseTooNew, DatabaseUnusable
from concepts.file_systems import file_system, keeps_locks_local
from concepts.names import shown
from concepts.stores.sqlite_engine import BUSY_SECONDS, registry_engine

APPLICATION_ID = 0x4C535444
"""The application id ("LSTD") at byte 68 of the file's header. Files with another id are not opened."""

ALONE = "STUDIO_ONE_MACHINE"
"""The environment variable that says that no other machine uses the database."""

_LEFT_AS_IT_IS = "It was not changed. Move the file away, or use another home."


def prepare(path: Path, user: str) -> None:
    """Create or upgrade the database at `path`. Libraries without an owner get the owner `user`.

    Raises:
        DatabaseUnusable: the file is damaged, another program's, or where other machines see no locks. It was not
            changed.
        DatabaseTooNew: a newer version wrote the file. It was not changed.
    """
    require_shared_locks(path)
    # Check the journals first: a journal without a database means that the database was lost.
    journals = [name for suffix in ("-journal", "-wal") if (name := path.with_name(path.name + suffix)).exists()]
    if not path.exists():
        if journals:
            cause = f"{path} is missing, but its journal {journals[0].name} exists."
            raise DatabaseUnusable(cause, "Put the database back, or move the journal away.")
        create(path, user)
        return
    check_header(path)
    revision = read_revision(path)
    if revision != migrations.HEAD:
        _bring_up(path, revision, user)


def require_shared_locks(path: Path) -> None:
    """Raise DatabaseUnusable if another machine would see no lock on this file, unless STUDIO_ONE_MACHINE is set."""
    if keeps_locks_local(path) and not os.environ.get(ALONE):
        cause = f"{path} is on {file_system(path)}, where two machines can destroy it: neither sees the other's locks."
        remedy = "Use a folder of this machine, or PostgreSQL for several machines. "
        raise DatabaseUnusable(cause, f"{remedy}If only this machine ever uses the database, set {ALONE}=1.")


def close_to_others(path: Path) -> bool:
    """Make a database that others may only read private to its owner, and return whether that was so.

    A database that a group may write is shared on purpose, and stays.
    """
    status = path.stat()
    open_to_read = status.st_mode & 0o044 and not status.st_mode & 0o022
    if os.name != "posix" or not open_to_read or status.st_uid != os.geteuid():
        return False
    if not path.absolute().parent.stat().st_mode & 0o055:  # nobody gets there
        return False
    path.chmod(0o600)
    return True


def check_header(path: Path) -> None:
    """Raise DatabaseUnusable unless the file's header is a λ-Studio database's. SQLite is not called."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise DatabaseUnusable(f"{path} is not a file.", _LEFT_AS_IT_IS)
    with path.open("rb") as file:
        header = file.read(100)
    if not header:
        raise DatabaseUnusable(f"{path} is empty (0 bytes).", f"Restore a backup. {_LEFT_AS_IT_IS}")
    if len(header) < 100 or not header.startswith(b"SQLite format 3\0"):
        raise DatabaseUnusable(f"{path} is not a λ-Studio database.", _LEFT_AS_IT_IS)
    if int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise DatabaseUnusable(f"{path} is another program's SQLite database.", _LEFT_AS_IT_IS)


def read_revision(path: Path) -> str:
    """Return the database's schema revision. Raises DatabaseUnusable if it has none, or has a trigger."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=BUSY_SECONDS)) as connection:
        # A trigger would run with every change: it could keep what is forgotten, or let somebody in.
        if trigger := connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchone():
            cause = f"{path} has a trigger, {shown(str(trigger[0]))}. λ-Studio has none."
            raise DatabaseUnusable(cause, f"Restore a backup that you trust. {_LEFT_AS_IT_IS}")
        if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'alembic_version'").fetchone():
            raise DatabaseUnusable(f"{path} has no schema version.", f"Restore a backup. {_LEFT_AS_IT_IS}")
        rows = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    if len(rows) != 1:
        raise DatabaseUnusable(f"{path} has {len(rows)} schema versions.", f"Restore a backup. {_LEFT_AS_IT_IS}")
    return str(rows[0][0])


def create(path: Path, user: str) -> None:
    """Create an empty database under a temporary name, then rename it. Another process may do so first."""
    make_folder(path.parent, 0o700)
    with suppress(FileExistsError), staged_file(path) as empty:  # another process was first: its file serves too
        _write_empty(empty, user)
        empty.chmod(0o600)  # the folder may have been there before, open to others
    sync_folder(path.parent)  # also if another process created the file: this one relies on it


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
        raise DatabaseTooNew(cause, "Update λ-Studio: pip install -U lambda-studio. The database was not changed.")
    upgrade(path, user)
