"""A ZIP file of pictures, read as untrusted input and unpacked into a private folder."""

import errno
import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePath, PureWindowsPath
from typing import IO

from concepts.durable import unfinished
from lambda_studio.bundles.layouts.files.kinds import HEADER, OTHERS, begins_as_picture, is_picture, kind_of
from lambda_studio.bundles.layouts.plan import Fault
from lambda_studio.bundles.zip_directory import MAX_ENTRIES, open_zip
from lambda_studio.errors import BundleRefused
from lambda_studio.pictures.files.opening import MAX_FILE_BYTES

MAX_UNPACKED = 8 * 2**30
MAX_DIRECTORY = 32 * 2**20
"""The most bytes of a ZIP file's directory."""
REMEDY = "Unpack it, and import the folder."
_READ = (".json", ".txt")
"""The suffixes of files that are read beside pictures: lists and nouns. Of others only the name is needed."""
_NAME_ERRORS = (errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ)


@dataclass
class Unpacked:
    """A private folder with the pictures of a ZIP file, and the faults of entries that are not there."""

    root: Path
    faults: list[Fault] = field(default_factory=list)


def has_pictures(path: Path) -> bool:
    """Return whether a file is a ZIP file of pictures, and no bundle. A file that cannot be read is not."""
    try:
        with _opened(path) as archive:
            entries = archive.infolist()
            if any(entry.filename == "manifest.json" for entry in entries):
                return False
            return any(is_picture(PurePath(each.filename)) or _is_unnamed(archive, each) for each in entries)
    except (OSError, ValueError, zipfile.BadZipFile):
        return False


@contextmanager
def unpacked(path: Path, home: Path, require_room: Callable[[int, str], None]) -> Iterator[Unpacked]:
    """Yield the ZIP file's pictures in a folder of the home, which is removed at the end, or after a kill by a sweep.

    Raises BundleRefused for a file that is too large or not valid, StorageFailed for a full disk.
    """
    with ExitStack() as opened:
        try:
            archive = opened.enter_context(_opened(path))
        except (OSError, zipfile.BadZipFile) as error:
            raise BundleRefused(f"{path} cannot be read: {error}.", REMEDY) from error
        root = opened.enter_context(unfinished(home / "unpacked"))
        root.mkdir(mode=0o700)
        entries = [entry for entry in archive.infolist() if not entry.filename.endswith("/")]
        read = {entry for entry in entries if _is_read(entry) or _is_unnamed(archive, entry)}
        size = sum(entry.file_size for entry in read)
        if size > MAX_UNPACKED:
            cause = f"{path} would unpack to {size:,} bytes, more than {MAX_UNPACKED:,}."
            raise BundleRefused(cause, "Give the pictures in several parts.")
        require_room(size, f"Unpacking {path}")
        folder = Unpacked(root)
        for entry in entries:
            if fault := _fault(entry, entry in read) or _unpack(archive, entry, root, entry in read):
                folder.faults.append(Fault(entry.filename or "an entry", fault))
        for entry in (each for each in archive.infolist() if each.filename.endswith("/")):
            if fault := _fault(entry, False, stat.S_IFDIR) or _make_folder(entry, root):
                folder.faults.append(Fault(entry.filename, fault))
        yield folder


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Yield the ZIP file, if its directory is small and valid. Raises BadZipFile, OSError."""
    with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise zipfile.BadZipFile("it is not a regular file")
        with open_zip(file, MAX_ENTRIES, MAX_DIRECTORY) as archive:
            yield archive


def _is_read(entry: zipfile.ZipInfo) -> bool:
    path = PurePath(entry.filename)
    return is_picture(path) or path.suffix.lower() in _READ


def _is_unnamed(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bool:
    """Return whether an entry has no suffix and begins as a picture."""
    if not entry.filename or PurePath(entry.filename).suffix or entry.filename.endswith("/"):
        return False
    return begins_as_picture(_start(archive, entry))


def _start(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Return the first bytes of an entry; none of one that is damaged or encrypted."""
    try:
        with archive.open(entry) as packed:
            return packed.read(HEADER)
    except (OSError, RuntimeError, ValueError, EOFError, zlib.error, zipfile.BadZipFile):
        return b""


def _fault(entry: zipfile.ZipInfo, is_read: bool, kind: int = stat.S_IFREG) -> str | None:
    """Return why an entry is not unpacked, or None. Of one that nobody reads only the name matters."""
    path = PureWindowsPath(entry.filename)
    if not entry.filename or "\0" in entry.orig_filename:  # zipfile cuts a name at its first zero byte
        return "has an empty name, or a zero byte in it"
    if path.anchor or ".." in path.parts or not path.parts:
        return "has a path that leads out of the ZIP file"
    if entry.create_system == 3 and stat.S_IFMT(entry.external_attr >> 16) not in (0, kind):
        return "is a link or a special file, which is not followed in a ZIP file"
    if not is_read:
        return None
    if entry.flag_bits & 0x1:
        return "is encrypted"
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "is compressed in a way that is not read"
    return f"has {entry.file_size:,} bytes, more than {MAX_FILE_BYTES:,}" if entry.file_size > MAX_FILE_BYTES else None


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, root: Path, is_read: bool) -> str | None:
    """Write an entry's bytes. Of a file that nobody reads, write only its name. Return a fault, or None.

    Where only the first bytes say that it is a picture, write these too.
    """
    target = root.joinpath(*PureWindowsPath(entry.filename).parts)
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with target.open("xb") as file:
            if is_read:
                _copy(archive, entry, file)
            elif kind_of(target) == OTHERS and begins_as_picture(start := _start(archive, entry)):
                file.write(start)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        target.unlink(missing_ok=True)
        return f"is damaged: {error}"
    except OSError as error:
        if error.errno not in _NAME_ERRORS:
            raise
        return _why_not_named(error)
    return None


def _make_folder(entry: zipfile.ZipInfo, root: Path) -> str | None:
    """Make the folder of an entry, so that an empty one is seen. Return a fault, or None."""
    try:
        root.joinpath(*PureWindowsPath(entry.filename).parts).mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        if error.errno not in _NAME_ERRORS:
            raise
        return _why_not_named(error)
    return None


def _why_not_named(error: OSError) -> str:
    taken = error.errno == errno.EEXIST
    return "has the name of another entry" if taken else f"has a name that cannot be: {error.strerror}"


def _copy(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, file: IO[bytes]) -> None:
    """Copy the entry, at most as many bytes as the directory says."""
    left = entry.file_size
    with archive.open(entry) as packed:
        while left and (part := packed.read(min(left, 2**20))):
            left -= len(part)
            file.write(part)
        if packed.read(1) or left:
            raise zipfile.BadZipFile("its size is not the one in the directory")
