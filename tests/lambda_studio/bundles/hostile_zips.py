"""ZIP files whose directory is not the one that it seems to be."""

import io
import struct
import zipfile

END = struct.Struct("<4sHHHHIIH")
ENTRY = struct.Struct("<4s6H3I5H2I")


def parts(content: bytes) -> tuple[bytes, bytes]:
    """The entries' bytes and the directory of a ZIP file without a comment."""
    *_, size, start, _ = END.unpack(content[-END.size :])
    return content[:start], content[start : start + size]


def ended(entries: bytes, directory: bytes, count: int, size: int | None = None, start: int | None = None) -> bytes:
    """A ZIP file with an end record that says this."""
    size, start = len(directory) if size is None else size, len(entries) if start is None else start
    return entries + directory + END.pack(b"PK\5\6", 0, 0, count, count, size, start, 0)


def entry(name: bytes) -> bytes:
    """The directory's record of an empty file."""
    return ENTRY.pack(b"PK\1\2", 20, 20, 0, 0, 0, 0, 0, 0, 0, len(name), 0, 0, 0, 0, 0, 0) + name


def zip64_within(content: bytes, hidden: int, count: int) -> bytes:
    """A ZIP file whose directory ends with a ZIP64 record: it gives `hidden` empty entries, which come before.

    Without the record the directory is right: it is the last entry's comment.
    """
    entries, directory = parts(content)
    last = bytearray(directory[directory.rfind(b"PK\1\2") :])
    struct.pack_into("<H", last, 32, 76)
    directory = directory[: directory.rfind(b"PK\1\2")] + last
    many = entry(b"") * hidden
    size, at = len(many) + len(directory), len(entries) + len(many) + len(directory)
    record = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, hidden, hidden, size, len(entries))
    record += struct.pack("<4sIQI", b"PK\6\7", 0, at, 1)
    return ended(entries + many, directory + record, count)


def second_end(content: bytes, more: int) -> bytes:
    """A ZIP file with more entries, whose end record holds the signature of another one in its offset."""
    entries, directory = parts(content)
    return ended(entries, entry(b"a") * more + directory, 1, start=int.from_bytes(b"PK\5\6", "little"))


def renamed(content: bytes, old: bytes, new: bytes) -> bytes:
    """A ZIP file with another name of the same length, in the entry and in the directory."""
    assert len(old) == len(new) and content.count(old) == 2
    return content.replace(old, new)


def nameless(content: bytes) -> bytes:
    """A ZIP file with one more entry, which has no name."""
    file = io.BytesIO(content)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(zipfile.ZipInfo("\0"), b"x")
    return file.getvalue()
