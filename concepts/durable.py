"""Files that are still there after a power loss, and whether there is room for them."""

import errno
import os
import shutil
from pathlib import Path

from concepts.errors import StorageFailed


def require_room(folder: Path, needed: int, what: str) -> None:
    """Raise StorageFailed unless the disk of this folder, which may not be there yet, has so many bytes free."""
    there = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
    free = shutil.disk_usage(there).free
    if free < needed:
        cause = f"{what} needs {needed / 2**20:,.1f} MiB, and {there} has {free / 2**20:,.1f} MiB free."
        raise StorageFailed(cause, "Free some space, or use another disk. Nothing was written.")


def make_folder(folder: Path, mode: int = 0o777) -> None:
    """Make a folder, and those above it that are missing, under names that are still there after a power loss."""
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(mode=mode, parents=True, exist_ok=True)
    for each in made:
        sync_folder(each.parent)


def give_name(path: Path, final: Path) -> None:
    """Give a whole file its name, never over another file. Raises FileExistsError."""
    try:
        os.link(path, final)  # unlike a rename, never replaces
    except FileExistsError:
        raise
    except OSError as error:  # a file system without hard links
        if final.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(final)) from error
        path.rename(final)


def sync_folder(folder: Path) -> None:
    """Make the folder's names durable, where the platform can."""
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
