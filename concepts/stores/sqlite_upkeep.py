"""Maintenance of the database file: state, upgrade, checks, backup and restore."""

import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import migrations
from concepts.durable import make_folder, publish, require_room, staged_file, sync_folder, unfinished
from concepts.errors import ConceptError, DatabaseUnusable, StorageFailed
from concepts.records import DatabaseFault, DatabaseState, sha256
from concepts.stores.row_faults import row_faults, value_faults
from concepts.stores.sqlite_engine import BUSY_SECONDS, database_errors, file_errors, registry_engine
from concepts.stores.sqlite_schema import check_header, prepare, read_revision, require_shared_locks
from concepts.users import current_user

_SHOWN_IN = "SELECT count(*) FROM version_images WHERE image_sha = ?1 OR mask_sha = ?1"
# An original is never a feature's blob. Schemas before 0003 have no table of originals.
_NOT_COMPUTED = "SELECT count(*) = 0 FROM features WHERE blob_sha = ?"
# Before schema 0004, the embedding of a note (an image of one pixel) was a feature.
_STANDS_FOR_PICTURES = """
    SELECT count(*) FROM features JOIN version_images USING (image_sha)
    WHERE blob_sha = ? AND width = 1 AND height = 1
"""

_HEADER_BYTES = 100
_COUNTERS = ((18, 20), (24, 28), (40, 44), (92, 100))
"""Journal mode, change counter, schema cookie and last writer: https://www.sqlite.org/fileformat.html."""


def state(path: Path) -> DatabaseState:
    """Return the database's schema and size. Raises DatabaseUnusable if it is missing, damaged or another program's."""
    with database_errors(path), file_errors(path):
        check_header(path)
        return DatabaseState(path, read_revision(path), migrations.HEAD, path.stat().st_size)


def upgrade(path: Path) -> tuple[DatabaseState, DatabaseState]:
    """Back up the database, then upgrade its schema; return the state before and after. Raises as `Database.open`."""
    before = state(path)
    with database_errors(path), file_errors(path):
        prepare(path, current_user())
    return before, state(path)


def faults(path: Path, *, contents: bool = True) -> Iterator[DatabaseFault]:
    """Iterate over faults of the file, its rows and (with `contents`) its blobs. Raises DatabaseUnusable."""
    state(path)
    with database_errors(path), closing(_opened(path)) as connection:
        connection.text_factory = lambda text: text.decode(errors="replace")  # a damaged text may not be valid UTF-8
        verdicts = [row[0] for row in connection.execute("PRAGMA integrity_check(10)") if row[0] != "ok"]
        yield from (DatabaseFault(str(verdict)) for verdict in verdicts)
        for table, row, parent, _ in connection.execute("PRAGMA foreign_key_check").fetchmany(10):
            yield DatabaseFault(f"row {row} of {table} refers to a missing row of {parent}")
        if contents and not verdicts:
            strange = list(value_faults(connection))
            yield from strange
            if not strange:  # what follows reads these values
                yield from row_faults(connection.execute)
                yield from _content_faults(connection)


def back_up(path: Path, out: Path | None = None) -> Path:
    """Make a checked, durable copy in `backups/` beside the database, or at `out`; return its path.

    Raises StorageFailed if `out` exists: it is never overwritten.
    """
    from concepts.stores import upgrade as upgrading  # Alembic is slow to import

    present = state(path)
    with database_errors(path), file_errors(path):
        require_room(path.parent if out is None else out.parent, present.size, "A backup")
        if out is None:
            return upgrading.back_up(path, present.revision)
        make_folder(out.parent)
        try:
            with staged_file(out) as copy:
                upgrading.copy_database(path, copy)
                copy.chmod(stat.S_IMODE(path.stat().st_mode))
        except FileExistsError as error:
            raise StorageFailed(f"{out} is already there.", "Give another name.") from error
        return out


def restore(path: Path, backup: Path, agree: Callable[[], object] = lambda: None) -> Path | None:
    """Replace the database with a backup; return the path of the old database's copy, or None if there is none.

    `agree` is called once the backup is found sound; an exception from `agree` stops the restore. Raises
    DatabaseUnusable if the backup is damaged, another program's or newer than this version, or if a folder or a device
    has the database's name. Nothing is changed then.
    """
    from concepts.stores import upgrade as upgrading

    if path.exists() and not path.is_file():
        raise DatabaseUnusable(f"{path} is not a file.", "Give the path of the database. Nothing was changed.")
    require_shared_locks(path)
    _require_sound(backup)
    agree()
    with file_errors(path), database_errors(path):
        make_folder(path.parent, 0o700)
        require_room(path.parent, 3 * backup.stat().st_size, "Restoring a backup")
        with unfinished(path) as copy:
            upgrading.copy_database(backup, copy)
            copy.chmod(stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o600)
            kept: Path | None = None
            if not (path.exists() and _usable(path)):
                kept = _move_aside(path)
                publish(copy, path)
            elif not _same_pages(path, copy):  # equal pages: this backup was restored before, so no copy is needed
                kept = back_up(path)
                _write_over(path, copy)  # in one transaction: processes that wait for the file continue with it
        sync_folder(path.parent)
    return kept


def backups(path: Path) -> list[Path]:
    """Return the backups in `backups/`, oldest first."""
    made = (path.parent / "backups").glob(f"{path.stem}-*{path.suffix}")
    return sorted(made, key=lambda each: each.stat().st_mtime)


def _content_faults(connection: sqlite3.Connection) -> Iterator[DatabaseFault]:
    """Iterate over blobs that do not match their hash, and say whether each is a cached value."""
    damaged = (sha for sha, data in connection.execute("SELECT sha, data FROM blobs") if sha256(data) != sha)
    for sha in list(damaged):
        kept = any(
            connection.execute(needs, (sha,)).fetchone()[0]
            for needs in (_SHOWN_IN, _NOT_COMPUTED, _STANDS_FOR_PICTURES)
        )
        what = "given by a person" if kept else "a cached value"
        yield DatabaseFault(f"the bytes of {sha}, {what}, are damaged", derived=not kept)


def _require_sound(backup: Path) -> None:
    try:
        revision = state(backup).revision
        found = next(faults(backup), None)
    except ConceptError as error:
        raise DatabaseUnusable(f"It was not restored: {error.cause}", "Choose another backup.") from error
    from concepts.stores.upgrade import known_revisions

    if revision not in known_revisions():
        cause = f"{backup} has schema {revision[:40]!r}, which is newer than this version knows ({migrations.HEAD})."
        raise DatabaseUnusable(cause, "Update λ-Studio: pip install -U lambda-studio. Nothing was changed.")
    if found is not None and not found.derived:
        raise DatabaseUnusable(f"{backup} was not restored: {found.said}.", "Choose another backup.")


def _usable(path: Path) -> bool:
    try:
        return not any(True for fault in faults(path, contents=False))
    except (DatabaseUnusable, StorageFailed):
        return False


def _same_pages(path: Path, copy: Path) -> bool:
    """Return whether the database equals the copy, except for the header's counters, which change at every write."""
    journals = [path.with_name(path.name + suffix) for suffix in ("-journal", "-wal")]
    if any(journal.exists() for journal in journals) or path.stat().st_size < copy.stat().st_size:
        return False
    with path.open("rb") as there, copy.open("rb") as wanted:
        if _without_counters(there.read(_HEADER_BYTES)) != _without_counters(wanted.read(_HEADER_BYTES)):
            return False
        # The equal headers give the number of pages: bytes after the last page do not belong to the database.
        return all(there.read(len(chunk)) == chunk for chunk in iter(lambda: wanted.read(2**20), b""))


def _without_counters(header: bytes) -> bytes:
    kept = bytearray(header)
    for begin, end in _COUNTERS:
        kept[begin:end] = bytes(end - begin)
    return bytes(kept)


def _move_aside(path: Path) -> Path | None:
    """Rename an unusable database and its journals; its data may be recoverable."""
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    aside = path.with_name(f"{path.stem}-damaged-{moment}{path.suffix}")
    for suffix in ("-journal", "-wal", "-shm", ""):
        if (part := path.with_name(path.name + suffix)).exists():
            part.rename(aside.with_name(aside.name + suffix))
    return aside if aside.exists() else None


def _write_over(path: Path, source: Path) -> None:
    with registry_engine(path).connect() as engine_connection:
        target = engine_connection.connection.driver_connection
        assert isinstance(target, sqlite3.Connection)
        with closing(_opened(source)) as connection:
            connection.backup(target)


def _opened(path: Path) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode=ro"
    return sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS)
