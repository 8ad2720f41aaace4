"""Read the text chunks of a PNG, without a decoder and as untrusted input."""

import zlib
from collections.abc import Iterator
from io import BufferedIOBase

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_CHUNKS = 100_000
MAX_TEXT = 2**18
"""The maximum bytes of one text chunk."""
MAX_TEXTS = 64


def text_chunks(file: BufferedIOBase) -> Iterator[tuple[str, str]]:
    """Yield the keys and texts of a PNG's international text chunks. Compressed texts are skipped, and pixels unread.

    Raises ValueError for a file that is no whole PNG, and for a damaged, a repeated or too much text.
    """
    seen: set[str] = set()
    for data in _international(file):
        head, _, rest = data.partition(b"\0")
        if rest[:2] != b"\0\0":  # compressed, or of an unknown kind
            continue
        _, _, rest = rest[2:].partition(b"\0")  # the language
        _, _, text = rest.partition(b"\0")  # the key in that language
        key = head.decode("latin-1")
        if key in seen:
            raise ValueError(f"its text {key[:40]!r} is a duplicate")
        seen.add(key)
        yield key, text.decode()


def _international(file: BufferedIOBase) -> Iterator[bytes]:
    """Yield the contents of a PNG's iTXt chunks. Other chunks are skipped unread."""
    if file.read(8) != SIGNATURE:
        raise ValueError("it is not a PNG")
    found = 0
    for _ in range(MAX_CHUNKS):
        head = file.read(8)
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        if len(head) < 8 or length >= 2**31:
            raise ValueError("it is cut off")
        if kind == b"IEND":
            return
        if kind != b"iTXt":
            file.seek(length + 4, 1)
            continue
        found += 1
        if length > MAX_TEXT or found > MAX_TEXTS:
            raise ValueError(f"it has more text than {MAX_TEXTS} chunks of {MAX_TEXT:,} bytes")
        data, checksum = file.read(length), file.read(4)
        if len(checksum) < 4:
            raise ValueError("it is cut off")
        if checksum != zlib.crc32(kind + data).to_bytes(4, "big"):
            raise ValueError("a text in it is damaged")
        yield data
    raise ValueError(f"it has more than {MAX_CHUNKS} chunks")
