"""The database file as a whole: what it says of itself, whether it is sound, copies, and an older one in its place."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import migrations
from concepts.durable import make_folder, publish, require_room, staged_file, sync_folder, unfinished
from concepts.errors import ConceptError, DatabaseUnusable, StorageFailed
from concepts.names import name_key, shown
from concepts.records import DatabaseFault, DatabaseState, ImageRecord, manifest, sha256
from concepts.stores.sqlite_engine import BUSY_SECONDS, database_errors, file_errors, registry_engine
from concepts.stores.sqlite_schema import check_header, prepare, read_revision
from concepts.users import current_user

_SHOWN_IN = "SELECT count(*) FROM version_images WHERE image_sha = ?1 OR mask_sha = ?1"
# An original, which older schemas know nothing of, is no feature's bytes either.
_NOT_COMPUTED = "SELECT count(*) = 0 FROM features WHERE blob_sha = ?"
# Before schema 0004 an embedding that came in place of pictures, whose image is a note of one pixel, was a feature.
_STANDS_FOR_PICTURES = """
    SELECT count(*) FROM features JOIN version_images USING (image_sha)
    WHERE blob_sha = ? AND width = 1 AND height = 1
"""

_HEADER_BYTES = 100
_COUNTERS = ((18, 20), (24, 28), (40, 44), (92, 100))
"""Journal mode, change counter, schema cookie, and who wrote last: https://www.sqlite.org/fileformat.html."""


def state(path: Path) -> DatabaseState:
    """The database's schema and size. Raises DatabaseUnusable where it is not ours, is damaged or is not there."""
    with database_errors(path), file_errors(path):
        check_header(path)
        return DatabaseState(path, read_revision(path), migrations.HEAD, path.stat().st_size)


def upgrade(path: Path) -> tuple[DatabaseState, DatabaseState]:
    """Bring the schema to this version's, after a backup; what it was and what it is. Raises as `Database.open`."""
    before = state(path)
    with database_errors(path), file_errors(path):
        prepare(path, current_user())
    return before, state(path)


def faults(path: Path, *, contents: bool = True) -> Iterator[DatabaseFault]:
    """Whatever is wrong with the file, its rows and (where asked) any byte in it. Raises DatabaseUnusable."""
    state(path)
    with database_errors(path), closing(_opened(path)) as connection:
        connection.text_factory = lambda text: text.decode(errors="replace")  # what is damaged need not be Unicode
        verdicts = [row[0] for row in connection.execute("PRAGMA integrity_check(10)") if row[0] != "ok"]
        yield from (DatabaseFault(str(verdict)) for verdict in verdicts)
        for table, row, parent, _ in connection.execute("PRAGMA foreign_key_check").fetchmany(10):
            yield DatabaseFault(f"row {row} of {table} refers to a row of {parent} that is not there")
        if contents and not verdicts:
            yield from _row_faults(connection)
            yield from _content_faults(connection)


def back_up(path: Path, out: Path | None = None) -> Path:
    """A whole, checked and durable copy: in `backups/` beside the database, or at `out`, never over another file."""
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
        except FileExistsError as error:
            raise StorageFailed(f"{out} is already there.", "Give another name.") from error
        return out


def restore(path: Path, backup: Path, agree: Callable[[], object] = lambda: None) -> Path | None:
    """Put a backup in the database's place; what was there is kept, where it was something else, and its path given.

    The backup is looked at first, and then `agree` is called, which raises to stop it.

    Raises DatabaseUnusable where the backup is damaged, is not ours or is newer than this version; nothing is changed.
    """
    from concepts.stores import upgrade as upgrading

    _require_sound(backup)
    agree()
    with file_errors(path), database_errors(path):
        make_folder(path.parent, 0o700)
        require_room(path.parent, 3 * backup.stat().st_size, "Restoring a backup")
        with unfinished(path) as copy:
            upgrading.copy_database(backup, copy)
            kept: Path | None = None
            if not (path.exists() and _usable(path)):
                kept = _move_aside(path)
                publish(copy, path)
            elif not _same_pages(path, copy):  # else it was restored before, and there is nothing to keep
                kept = back_up(path)
                _write_over(path, copy)  # in one transaction: whoever waits for the file goes on with it
        sync_folder(path.parent)
    return kept


def backups(path: Path) -> list[Path]:
    """The backups in `backups/`, the one that was made last at the end."""
    made = (path.parent / "backups").glob(f"{path.stem}-*{path.suffix}")
    return sorted(made, key=lambda each: each.stat().st_mtime)


def _row_faults(connection: sqlite3.Connection) -> Iterator[DatabaseFault]:
    """Rows that do not agree with what is derived from them: names with their keys, versions with their manifests."""
    for table in ("libraries", "concepts"):
        for row, name, key in connection.execute(f"SELECT id, name, name_key FROM {table}").fetchall():
            if name_key(name) != key:
                yield DatabaseFault(f"the name in row {row} of {table}, {shown(name)}, is not the one that was given")
    for row, sha, file_name in connection.execute("SELECT id, sha256, file_name FROM adapters").fetchall():
        if file_name != f"{sha}.safetensors":
            yield DatabaseFault(f"the file name of adapter {row} is damaged")
    images = "SELECT image_sha, mask_sha FROM version_images WHERE version_id = ? ORDER BY position"
    for row, noun, said in connection.execute("SELECT id, noun, manifest FROM concept_versions").fetchall():
        held = [ImageRecord(sha, mask, 0, 0, "", ()) for sha, mask in connection.execute(images, (row,))]
        if manifest(noun, held) != said:
            yield DatabaseFault(
                f"the noun or the images of version {row}, {shown(noun)}, are not those that were given"
            )


def _content_faults(connection: sqlite3.Connection) -> Iterator[DatabaseFault]:
    """Bytes that are not what their name says. Said of what they belong to."""
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
    """Whether a database is this copy but for what SQLite counts up in the header whenever it writes."""
    journals = [path.with_name(path.name + suffix) for suffix in ("-journal", "-wal")]
    if any(journal.exists() for journal in journals) or path.stat().st_size < copy.stat().st_size:
        return False
    with path.open("rb") as there, copy.open("rb") as wanted:
        if _without_counters(there.read(_HEADER_BYTES)) != _without_counters(wanted.read(_HEADER_BYTES)):
            return False
        # The header, which is the same, says how many pages count: what is left behind the last is no part of it.
        return all(there.read(len(chunk)) == chunk for chunk in iter(lambda: wanted.read(2**20), b""))


def _without_counters(header: bytes) -> bytes:
    kept = bytearray(header)
    for begin, end in _COUNTERS:
        kept[begin:end] = bytes(end - begin)
    return bytes(kept)


def _move_aside(path: Path) -> Path | None:
    """Give what cannot be used another name, with its journals; it may hold what can still be saved."""
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
