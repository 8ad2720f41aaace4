"""Of files with equal bytes, read the one first that has the plain name: `00.jpg`, not `00 (copy).jpg`."""

import hashlib
from collections.abc import Collection, Sequence
from pathlib import Path
from stat import S_ISREG


def in_order(paths: Sequence[Path], masked: Collection[int]) -> list[int]:
    """Return the positions of files in the order to read them. Only files with equal bytes change places.

    First of these is one at the `masked` positions, if any is; then the one whose name is within the others' names.
    """
    order = [*range(len(paths))]
    for equal in _equal_files(paths):
        some = [at for at in equal if at in masked] or equal
        first = _plain(paths, some)
        for place, at in zip(equal, [first, *(at for at in equal if at != first)], strict=True):
            order[place] = at
    return order


def _plain(paths: Sequence[Path], positions: Sequence[int]) -> int:
    """Return the position of the name that the first name contains, and the shortest of these."""
    first = paths[positions[0]].stem.casefold()
    return min(positions, key=lambda at: len(name) if (name := paths[at].stem.casefold()) in first else len(first))


def _equal_files(paths: Sequence[Path]) -> list[list[int]]:
    """Return the positions of files with equal bytes, for each such content. Other files are in no list."""
    alike: dict[object, list[int]] = {}
    for at, path in enumerate(paths):
        alike.setdefault(_size(path), []).append(at)
    equal: dict[bytes, list[int]] = {}
    for size, positions in alike.items():
        if size is not None and len(positions) > 1:
            for at in positions:
                equal.setdefault(_digest(paths[at]), []).append(at)
    return [positions for positions in equal.values() if len(positions) > 1]


def _size(path: Path) -> int | None:
    """Return the size of a regular file, or None. What else a path may be is refused when it is opened."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_size if S_ISREG(status.st_mode) else None


def _digest(path: Path) -> bytes:
    """Return the hash of a file's bytes; for one that cannot be read, that of its name."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return bytes(path)
