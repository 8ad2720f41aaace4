"""A bundle's ZIP file: written reproducibly, and read as untrusted input."""

import hashlib
import os
import stat
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from io import BufferedWriter, BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING

from concepts.printable import printable
from lambda_studio.bundles.contents import VERSIONS, Contents
from lambda_studio.bundles.reading import MAX_IMAGES, MAX_OBJECT, MAX_OBJECTS, NewerBundle, listed_faults, read_contents
from lambda_studio.bundles.signing import ENCODED_BYTES, Signature, read_signature, require_trusted, sign
from lambda_studio.bundles.zip_directory import open_zip
from lambda_studio.errors import BundleRefused
from lambda_studio.formats import UPDATE, too_new

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

MANIFEST, SIGNATURE, OBJECTS = "manifest.json", "manifest.sig", "objects/"
MAX_MANIFEST = 64 * 2**20
MAX_BYTES = 2**32 - 2**20
"""The maximum size. A larger bundle would need ZIP64, which is neither written nor read."""
ENTRY_BYTES = 46 + len(OBJECTS) + 64
REMEDY = "Nothing was imported. Ask for the bundle again. It is made by 'studio library export --out FILE.zip'."
IF_PICTURES = "If these are pictures: unpack them, and import the folder."


def write_archive(
    file: BufferedWriter | BytesIO,
    contents: Contents,
    read: Callable[[str], bytes],
    key: "Ed25519PrivateKey | None" = None,
) -> Signature | None:
    """Write a bundle; sign it with `key` if one is given, and return the signature.

    `read` returns the bytes of an object. The output depends on neither the time nor the machine.
    """
    manifest = contents.encoded()
    signature = sign(key, manifest) if key else None
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=False) as archive:
        archive.writestr(_entry(MANIFEST), manifest)
        if signature:
            archive.writestr(_entry(SIGNATURE), signature.encoded)
        for sha in sorted(contents.objects):
            archive.writestr(_entry(OBJECTS + sha), read(sha))
    return signature


def require_bundle_size(contents: Contents) -> int:
    """Return the size of a bundle of these contents. Raises BundleRefused if it is above the limit."""
    size = sum(contents.objects.values()) + len(contents.encoded()) + 200 * (len(contents.objects) + 2)
    crowded = any(len(concept.images) > MAX_IMAGES for concept in contents.concepts)
    if size > MAX_BYTES or len(contents.objects) > MAX_OBJECTS or crowded or listed_faults(contents):
        cause = f"A bundle of {len(contents.objects):,} objects and {size:,} bytes would be too large."
        raise BundleRefused(cause, "Export fewer concepts at a time, by their names.")
    return size


class Archive:
    """An open bundle. Entries are located by their offset, checked against their hash, and never extracted.

    If `trusted` keys are given, one of them must have signed the manifest.
    """

    def __init__(self, path: Path, trusted: Sequence["Ed25519PublicKey"] = ()):
        self.path = path
        self.faults: list[str] = []
        self._file = _open(path)
        try:
            self._archive = _opened(path, self._file)
            self._entries = self._list()
            self.signature = self._read_signature()
            self.contents = self._read_contents(trusted)
        except BaseException:  # KeyboardInterrupt too: the caller has no archive to close yet
            self.close()
            raise

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()  # a ZipFile opened for reading needs no close

    def refuse_if_faulty(self) -> None:
        """Raise BundleRefused with every fault found so far."""
        if self.faults:
            raise BundleRefused(told(self.path, self.faults), REMEDY)

    def read(self, sha: str) -> bytes:
        """Return an object's bytes. Raises BundleRefused if they do not match their hash."""
        data = self._bytes(OBJECTS + sha, MAX_OBJECT)
        if data is None or hashlib.sha256(data).hexdigest() != sha:
            raise BundleRefused(f"In {self.path} the bytes of object {sha} do not match its name.", REMEDY)
        return data

    def _list(self) -> dict[str, zipfile.ZipInfo]:
        """Return every entry by its name."""
        entries = self._archive.infolist()
        times = Counter(entry.filename for entry in entries)
        self.faults += [f"entry {name[:100]!r} occurs {count} times" for name, count in times.items() if count > 1]
        self.faults += [fault for entry in entries for fault in _entry_faults(entry)]
        return {entry.filename: entry for entry in entries}

    def _read_signature(self) -> Signature | None:
        if SIGNATURE not in self._entries:
            return None
        signature = read_signature(self._bytes(SIGNATURE, ENCODED_BYTES) or b"")
        if signature is None:
            self.faults.append(f"{SIGNATURE} is not a signature of {ENCODED_BYTES} bytes")
        return signature

    def _read_contents(self, trusted: Sequence["Ed25519PublicKey"]) -> Contents:
        data = self._bytes(MANIFEST, MAX_MANIFEST)
        if data is not None and trusted:
            require_trusted(self.path, data, self.signature, trusted)
        if data is None:
            self.faults.append(f"{MANIFEST} is missing or cannot be read")
        try:
            contents = None if data is None else read_contents(data, self.faults)
        except NewerBundle as error:
            cause = too_new(str(self.path), error.version, VERSIONS[-1])
            raise BundleRefused(cause, f"Nothing was imported. {UPDATE}") from error
        if contents is not None:
            self._compare(contents)
        self.refuse_if_faulty()
        assert contents is not None  # otherwise a fault was raised above
        return contents

    def _compare(self, contents: Contents) -> None:
        others = (MANIFEST, SIGNATURE)
        there = {name.removeprefix(OBJECTS): entry for name, entry in self._entries.items() if name not in others}
        self.faults += [f"object {sha} is missing" for sha in sorted(contents.objects.keys() - there.keys())]
        self.faults += [f"object {sha[:80]} is not in the manifest" for sha in sorted(there.keys() - contents.objects)]
        for sha in sorted(contents.objects.keys() & there.keys()):
            if (size := there[sha].file_size) != contents.objects[sha]:
                self.faults.append(f"object {sha} has {size} bytes, and the manifest says {contents.objects[sha]}")

    def _bytes(self, name: str, limit: int) -> bytes | None:
        """Return an entry's bytes, or None if it is missing, unreadable or larger than the limit."""
        entry = self._entries.get(name)
        if entry is None or _entry_faults(entry) or entry.file_size > limit:
            return None
        try:
            with self._archive.open(entry) as file:
                return file.read(limit + 1)
        except (zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError):
            return None  # the caller reports the fault


def told(path: Path, faults: list[str]) -> str:
    """Return a message that lists the faults, one a line; a long list is cut."""
    if len(faults) == 1:
        return f"{path} cannot be imported: {faults[0]}."
    shown = [*faults[:30], *([f"and {len(faults) - 30} more"] if len(faults) > 30 else [])]
    return "\n  - ".join(map(printable, [f"{path} cannot be imported, for {len(faults)} reasons:", *shown]))


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    entry.create_system, entry.external_attr = 3, (stat.S_IFREG | 0o600) << 16
    return entry


def _open(path: Path) -> IO[bytes]:
    """Open a regular file. Other kinds are refused, because opening them could block."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise BundleRefused(f"{path} is not a regular file.", "Give a bundle or a folder.")
        return open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)), "rb")
    except FileNotFoundError as error:
        raise BundleRefused(f"{path} does not exist.", "Check the path.") from error
    except (OSError, ValueError) as error:
        raise BundleRefused(f"{path} cannot be read: {error}.", "Check the path and its permissions.") from error


def _opened(path: Path, file: IO[bytes]) -> zipfile.ZipFile:
    """Return the archive, after checking its directory against the file and the limits."""
    try:
        if file.seek(0, os.SEEK_END) > MAX_BYTES:
            raise zipfile.BadZipFile(f"it has more than {MAX_BYTES:,} bytes")
        return open_zip(file, MAX_OBJECTS + 2, (MAX_OBJECTS + 2) * ENTRY_BYTES, plain=True)
    except (zipfile.BadZipFile, OSError) as error:
        raise BundleRefused(f"{path} is not a λ-Studio bundle: {error}.", f"{REMEDY}. {IF_PICTURES}") from error


def _entry_faults(entry: zipfile.ZipInfo) -> list[str]:
    """Return the faults of an entry's record in the ZIP directory."""
    sha = entry.filename.removeprefix(OBJECTS)
    named = len(sha) == 64 and not set(sha) - set("0123456789abcdef") and entry.filename == OBJECTS + sha
    faults = []
    if entry.filename not in (MANIFEST, SIGNATURE) and not named:
        faults.append("is not allowed in a bundle")
    if entry.orig_filename != entry.filename:  # zipfile cuts a name at its first zero byte
        faults.append(f"has the longer name {entry.orig_filename[:100]!r} in the ZIP file")
    if entry.create_system == 3 and stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
        faults.append("is not a regular file")
    if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
        faults.append("is compressed, which bundles must not be")
    if entry.flag_bits & 0x1:
        faults.append("is encrypted")
    limit = {MANIFEST: MAX_MANIFEST, SIGNATURE: ENCODED_BYTES}.get(entry.filename, MAX_OBJECT)
    if entry.file_size > limit:
        faults.append(f"has {entry.file_size:,} bytes, more than {limit:,}")
    return [f"entry {entry.filename[:100]!r} {fault}" for fault in faults]
