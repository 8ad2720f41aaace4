"""The SHA-256 of large files, cached by the file's size, times, inode and path.

The cache file proves nothing: `studio doctor` reads the files themselves.
"""

import json
import os
from contextlib import suppress
from pathlib import Path
from threading import Lock
from time import time_ns
from typing import Any

from concepts.durable import file_sha256, make_folder, staged_file

NOTE_FORMAT = 1
MOST_NOTED = 200
LONGEST_NOTE = 2**20
WORTH_NOTING = 2**20
"""The least bytes of a file in the note. A smaller file is hashed quickly, and cached in the process only."""
SETTLED_NS = 2 * 10**9
"""The least age of a cached file's last change. A younger file may change again with the same times."""

Identity = tuple[int, int, int, int]
"""Size, time of the last write (mtime), time of the last change (ctime) and inode."""


class KnownHashes:
    """Hashes by path and identity, cached in this process and in a JSON note that processes share."""

    def __init__(self, note: Path):
        self.note = note
        self._known: dict[str, tuple[Identity, str]] | None = None
        self._lock = Lock()

    def sha256(self, path: Path) -> str:
        """Return the file's SHA-256, and read the file only if its hash is not cached."""
        with self._lock:  # two threads that need the same file read it once
            if known := self._find(path):
                return known
            began, before = time_ns(), _identity(path)
            sha = file_sha256(path)
            if _identity(path) == before and max(before[1:3]) + SETTLED_NS < began:
                self._remember(str(path.absolute()), before, sha)
            return sha

    def find(self, path: Path) -> str | None:
        """Return the cached hash of the unchanged file, or None. The file is not read."""
        with self._lock:
            return self._find(path)

    def _find(self, path: Path) -> str | None:
        if self._known is None:
            self._known = self._read()
        known = self._known.get(str(path.absolute()))
        return known[1] if known and known[0] == _identity(path) else None

    def _remember(self, key: str, identity: Identity, sha: str) -> None:
        assert self._known is not None
        self._known[key] = (identity, sha)
        if identity[0] >= WORTH_NOTING:
            noted = self._read()  # re-read: other processes may have written
            noted.pop(key, None)
            with suppress(OSError):  # a full disk or a read-only cache folder: the file is hashed again later
                self._write({**noted, key: (identity, sha)})

    def _read(self) -> dict[str, tuple[Identity, str]]:
        """Return the entries of the note; none if the note cannot be read."""
        try:
            with self.note.open("rb") as file:
                noted: Any = json.loads(file.read(LONGEST_NOTE))
            if noted["format"] != NOTE_FORMAT:
                return {}
            return {path: _entry(*said) for path, said in noted["files"].items()}
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return {}

    def _write(self, known: dict[str, tuple[Identity, str]]) -> None:
        newest = list(known.items())[-MOST_NOTED:]
        files = {path: [*identity, sha] for path, (identity, sha) in newest}
        make_folder(self.note.parent, 0o700)
        with staged_file(self.note, replace=True) as staged:
            staged.write_text(json.dumps({"format": NOTE_FORMAT, "files": files}, indent=1), encoding="utf-8")


def user_note() -> Path:
    """Return the path of this user's note: in the user's cache folder, which needs no studio home."""
    import platformdirs

    return platformdirs.user_cache_path("lambda-studio", appauthor=False) / "hashes.json"


def _identity(path: Path) -> Identity:
    said = os.stat(path)
    return said.st_size, said.st_mtime_ns, said.st_ctime_ns, said.st_ino


def _entry(size: int, written: int, changed: int, inode: int, sha: str) -> tuple[Identity, str]:
    if not all(type(number) is int for number in (size, written, changed, inode)) or len(bytes.fromhex(sha)) != 32:
        raise ValueError("this is not a valid entry of a note")
    return (size, written, changed, inode), sha
