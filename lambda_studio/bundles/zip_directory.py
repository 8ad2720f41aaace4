"""A ZIP file's directory, checked against the file and limits before Python's zipfile reads it."""

import os
import struct
import zipfile
from dataclasses import dataclass
from io import BytesIO
from typing import IO

_END, _ENTRY, _ZIP64_LOCATOR = b"PK\5\6", b"PK\1\2", b"PK\6\7"
_END_BYTES, _ENTRY_BYTES, _LOCATOR_BYTES = 22, 46, 20
_SEARCHED = 2**16 + _END_BYTES
"""The last bytes of a file, in which zipfile searches the end record. The last one counts."""
MAX_ENTRIES = 2**16 - 1
"""The most entries of a ZIP file without ZIP64."""


@dataclass(frozen=True)
class Directory:
    """The place of a ZIP file's directory, as its end record says."""

    start: int
    """The first byte in the file. zipfile computes it as the end record's place less the directory's size."""
    size: int
    count: int
    end: int
    """The first byte of the end record."""
    is_plain: bool
    """Nothing is before the first entry or after the end record."""


def open_zip(file: IO[bytes] | BytesIO, max_entries: int, max_directory: int, plain: bool = False) -> zipfile.ZipFile:
    """Return a ZIP file whose directory is within these limits, in entries and in bytes.

    If `plain`, nothing may be before the first entry or after the end record. Raises BadZipFile.
    """
    found = find_directory(file)
    wrong = f"its directory of {found.count} entries is not valid"
    if found.count > max_entries or found.size > max_directory or (plain and not found.is_plain):
        raise zipfile.BadZipFile(wrong)
    file.seek(found.start)
    if not _holds(file.read(found.size), found.count):
        raise zipfile.BadZipFile(wrong)
    try:
        archive = zipfile.ZipFile(file)
    except (ValueError, NotImplementedError, struct.error) as error:  # a name or a field that zipfile cannot decode
        raise zipfile.BadZipFile(str(error)) from error
    if len(archive.infolist()) != found.count or archive.start_dir != found.start:
        raise zipfile.BadZipFile(wrong)
    return archive


def find_directory(file: IO[bytes] | BytesIO) -> Directory:
    """Return the directory that zipfile would read. Raises BadZipFile, also for ZIP64."""
    file_size = file.seek(0, os.SEEK_END)
    begin = max(0, file_size - _SEARCHED - _LOCATOR_BYTES)
    file.seek(begin)
    tail = file.read()
    at = _find_end(tail)
    if at is None:
        raise zipfile.BadZipFile("it does not end with a ZIP file's directory")
    if tail[:at][-_LOCATOR_BYTES:].startswith(_ZIP64_LOCATOR):
        raise zipfile.BadZipFile("it is a ZIP64 file, which is not read")
    disks, here, count, size, offset, comment = struct.unpack("<4sHHIIH", tail[at + 4 : at + _END_BYTES])
    end = begin + at
    start, after = end - size, file_size - end - _END_BYTES
    if any(disks) or here != count or after != comment or offset > start:
        raise zipfile.BadZipFile(f"its directory of {count} entries is not valid")
    return Directory(start, size, count, end, is_plain=offset == start and not after)


def _find_end(tail: bytes) -> int | None:
    """Return where the end record is in a file's last bytes, found as zipfile finds it, or None."""
    last = tail[-_END_BYTES:]
    if len(last) == _END_BYTES and last.startswith(_END) and last.endswith(b"\0\0"):
        return len(tail) - _END_BYTES
    at = tail.rfind(_END, max(0, len(tail) - _SEARCHED))
    return at if 0 <= at <= len(tail) - _END_BYTES else None


def _holds(directory: bytes, count: int) -> bool:
    """Return whether a directory's bytes are exactly `count` entries."""
    at = 0
    for _ in range(count):
        head = directory[at : at + _ENTRY_BYTES]
        if len(head) < _ENTRY_BYTES or not head.startswith(_ENTRY):
            return False
        at += _ENTRY_BYTES + sum(struct.unpack_from("<HHH", head, 28))
    return at == len(directory)
