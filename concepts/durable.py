"""Files that are still there after a power loss."""

import os
from pathlib import Path


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
