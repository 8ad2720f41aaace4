"""A file or folder that is being written beside the place where it belongs, and what a kill leaves of it."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

LOCK = ".studio-lock"
"""How the name of the lock on an unfinished file ends."""

_LOCK_NAME = re.compile(rf"\..+\.[0-9a-f]{{32}}{re.escape(LOCK)}")
_PARTS = ("-journal", "-wal", "-shm", "")
"""What SQLite may leave beside a database, and the file itself."""


@contextmanager
def unfinished(final: Path) -> Iterator[Path]:
    """A free name in the folder of `final`, for a file or folder; what is left there in the end is removed.

    A lock, held meanwhile, tells it from those that killed processes left in the folder: these are removed first.
    """
    from filelock import FileLock  # slow to import, and seldom needed

    sweep(final.parent)
    path = final.with_name(f".{final.name}.{uuid4().hex}")
    lock = FileLock(path.with_name(path.name + LOCK))
    with suppress(OSError):  # a file system without locks: what a kill leaves there is never swept up
        lock.acquire(timeout=5)  # longer than a sweep holds it
    try:
        yield path
    finally:
        _remove(path)
        lock.release()
        Path(lock.lock_file).unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove the unfinished files and folders whose writers are dead: whose locks nobody holds."""
    from filelock import FileLock

    for path in sorted(folder.glob(f".*{LOCK}")):
        if _LOCK_NAME.fullmatch(path.name) and path.is_file() and not path.is_symlink():
            with suppress(OSError), FileLock(path, timeout=0):  # held by the living; or another user's, who will sweep
                for part in _PARTS:
                    _remove(path.with_name(path.name.removesuffix(LOCK) + part))
                path.unlink(missing_ok=True)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
