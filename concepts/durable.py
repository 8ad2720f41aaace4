"""Durable files: written whole or not at all, also after a kill or a power loss.

The engine may import this module and no other of the registry. It imports only `concepts.errors` and
`concepts.file_systems`.
"""

import errno
import hashlib
import os
import re
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from concepts.errors import StorageFailed
from concepts.file_systems import keeps_locks_local

LOCK = ".studio-lock"
"""The suffix of the lock file beside an unfinished file."""

_DAY = 24 * 3600
_LOCK_NAME = re.compile(rf"\..+\.[0-9a-f]{{32}}{re.escape(LOCK)}")
_PARTS = ("-journal", "-wal", "-shm", "")
"""The suffixes of the files that SQLite may leave beside a database, and of the database itself."""
_LONGEST_NAME = 255 - len(f"..{uuid4().hex}{LOCK}") - max(map(len, _PARTS))
"""The maximum bytes of the target's name in the name of its unfinished file."""


@contextmanager
def held(lock: Path) -> Iterator[bool]:
    """Hold a lock file during the block, and yield True; yield False if another process or thread holds it.

    A killed holder lets go. The file stays.
    """
    from filelock import FileLock, Timeout

    make_folder(lock.parent)
    holder = FileLock(lock)
    try:
        holder.acquire(timeout=0)
    except Timeout:
        yield False
        return
    except NotImplementedError:  # a file system without locks: nobody can be told apart
        yield True
        return
    try:
        yield True
    finally:
        holder.release()


def require_room(folder: Path, needed: int, what: str) -> None:
    """Raise StorageFailed if the disk of this folder has fewer than `needed` bytes free. The folder may be missing."""
    there = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
    free = shutil.disk_usage(there).free
    if free < needed:
        cause = f"{what} needs {needed / 2**20:,.1f} MiB, and {there} has {free / 2**20:,.1f} MiB free."
        raise StorageFailed(cause, "Free some space, or use another disk. Nothing was written.")


def make_folder(folder: Path, mode: int = 0o777) -> None:
    """Make a folder and its missing parents, with durable names."""
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(mode=mode, parents=True, exist_ok=True)
    for each in made:
        sync_folder(each.parent)


@contextmanager
def staged_file(final: Path, replace: bool = False) -> Iterator[Path]:
    """Yield a temporary name beside `final` for a file; publish the file at the end, or remove it after an error.

    Raises FileExistsError at the end if `final` exists by then, unless `replace`.
    """
    with unfinished(final) as path:
        try:
            yield path
            publish(path, final, replace)
        except OSError as error:
            error.filename = error.filename or str(final)  # a write to an open file does not say which
            raise


@contextmanager
def staged_folder(final: Path) -> Iterator[Path]:
    """Yield a new folder beside `final`; publish the folder at the end, or remove it after an error.

    Raises FileExistsError at the end if `final` exists by then.
    """
    with unfinished(final) as path:
        path.mkdir()
        yield path
        publish(path, final)


def publish(path: Path, final: Path, replace: bool = False) -> None:
    """Make a file's or folder's bytes durable, then rename it to `final` in the same folder.

    Raises FileExistsError if `final` exists, unless `replace`, which is for files only: a device, a FIFO or a folder
    of that name is refused.
    """
    if path.is_dir():
        _sync_tree(path)
        _refuse_taken(final)  # a rename would replace an empty folder
        path.rename(final)
    else:
        sync_file(path)
        if replace and (final.is_file() or not final.exists()):
            path.replace(final)
        else:
            _give_name(path, final)
    sync_folder(final.parent)


@contextmanager
def unfinished(final: Path) -> Iterator[Path]:
    """Yield a temporary name beside `final`, for a file or folder; remove the file at the end if it still exists.

    A held lock marks the file as in use. Files of killed processes have no lock holder and are removed first.
    """
    from filelock import FileLock  # slow to import, and rarely needed

    sweep(final.parent)
    stem = os.fsencode(final.name)[:_LONGEST_NAME].decode(errors="ignore")
    path = final.with_name(f".{stem}.{uuid4().hex}")
    lock = FileLock(path.with_name(path.name + LOCK))
    with suppress(OSError, NotImplementedError):  # a file system without locks: nothing sweeps up after a kill
        lock.acquire(timeout=5)  # longer than a sweep holds it
    try:
        yield path
    finally:
        with suppress(OSError):  # if removal fails, the lock file stays and the next sweep tries again
            _remove_parts(path)
            Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


def sweep(folder: Path) -> None:
    """Remove unfinished files and folders of dead processes: nobody holds their locks.

    Where another machine's locks cannot be seen, only what is a day old is removed.
    """
    from filelock import FileLock

    locks = _locks(folder, "")
    if locks and keeps_locks_local(folder):
        locks = [lock for lock in locks if time.time() - lock.stat().st_mtime > _DAY]
    for lock in locks:
        with suppress(OSError, NotImplementedError), FileLock(lock, timeout=0):  # held by a live process; or not ours
            _remove_parts(lock.with_name(lock.name.removesuffix(LOCK)))
            lock.unlink(missing_ok=True)


def find_unfinished(folder: Path, pattern: str = "") -> list[Path]:
    """Return unfinished files and their locks in a folder, or in its subfolders that match `pattern`."""
    parts = [
        lock.with_name(lock.name.removesuffix(LOCK) + end)
        for lock in _locks(folder, pattern)
        for end in (LOCK, *_PARTS)
    ]
    return [path for path in parts if os.path.lexists(path)]


def read_small(path: Path, limit: int) -> bytes:
    """Return the bytes of a regular file, without waiting for the writer of a FIFO. Raises OSError.

    A file of more than `limit` bytes, or of another kind, is an OSError with its reason as `strerror`.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with open(os.open(path, flags), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
        content = file.read(limit + 1)
    if len(content) > limit:
        raise OSError(errno.EFBIG, f"it has more than {limit} bytes", str(path))
    return content


def in_use(path: Path) -> bool:
    """Return whether a live process holds the lock of an unfinished file, or of one of its parts."""
    from filelock import FileLock, Timeout

    stems = {path.name.removesuffix(end) for end in (LOCK, *_PARTS)}
    for lock in (path.with_name(stem + LOCK) for stem in stems):
        if lock.is_file() and not lock.is_symlink():
            try:
                with FileLock(lock, timeout=0):
                    pass
            except Timeout:
                return True
            except (OSError, NotImplementedError):  # a file system without locks: its age decides
                continue
    return False


def remove(path: Path) -> None:
    """Remove a file, a link or a folder with its contents. A missing path is no error."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make the folder's names durable, on platforms that can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    """Make the file's bytes durable."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _locks(folder: Path, pattern: str) -> list[Path]:
    found = sorted(folder.glob(f"{pattern}.*{LOCK}"))
    return [path for path in found if _LOCK_NAME.fullmatch(path.name) and path.is_file() and not path.is_symlink()]


def _remove_parts(path: Path) -> None:
    for part in _PARTS:
        remove(path.with_name(path.name + part))


def _sync_tree(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):  # a folder's contents before the folder
        sync_folder(path) if path.is_dir() else sync_file(path)
    sync_folder(folder)


def _give_name(path: Path, final: Path) -> None:
    try:
        os.link(path, final)  # unlike a rename, never replaces
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        _refuse_taken(final)
        path.rename(final)


def _refuse_taken(final: Path) -> None:
    if os.path.lexists(final):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(final))
