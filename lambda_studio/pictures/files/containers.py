"""Count the parts of a picture file before a decoder walks through them, which takes seconds for a million."""

from collections.abc import Callable

PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
MAX_PARTS = 30_000
"""More than 100 MiB of pixels have in parts of 8 KiB, which is what libpng writes."""
_SCAN = 0xDA


def count_parts(content: bytes) -> int:
    """Return how many chunks a PNG or segments a JPEG has, at most one more than MAX_PARTS. Others have none."""
    if content.startswith(PNG):
        return _count(content, len(PNG), _after_chunk)
    return _count(content, len(JPEG), _after_segment) if content.startswith(JPEG) else 0


def _count(content: bytes, at: int, after: Callable[[bytes, int], int]) -> int:
    parts = 0
    while at < len(content) and parts <= MAX_PARTS:
        parts, at = parts + 1, after(content, at)
    return parts


def _after_chunk(content: bytes, at: int) -> int:
    return at + 12 + int.from_bytes(content[at : at + 4], "big")


def _after_segment(content: bytes, at: int) -> int:
    """Return where the next segment begins; the end of the file after the last one before the pixels."""
    if content[at] != 0xFF or len(content) < at + 4 or content[at + 1] == _SCAN:
        return len(content)
    if content[at + 1] in (0xFF, 0x01, *range(0xD0, 0xD9)):  # a filler, or a marker without a length
        return at + (1 if content[at + 1] == 0xFF else 2)
    return at + 2 + int.from_bytes(content[at + 2 : at + 4], "big")
