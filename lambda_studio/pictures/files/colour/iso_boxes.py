"""Read which colours a HEIC or AVIF file states by numbers (nclx) for its main picture.

Source: ISO/IEC 23008-12. A file is made of boxes; the box `meta` holds properties and says which item has which.
"""

import struct
from collections.abc import Iterator

MAX_BOXES = 5000


def nclx(content: bytes) -> tuple[int, int] | None:
    """Return the primaries and the curve of the main picture, by their numbers in H.273, or None if none are stated.

    Raises ValueError for boxes that cannot be read.
    """
    try:
        meta = next((body for kind, body in _boxes(content) if kind == b"meta"), b"")
        parts = dict(_boxes(meta[4:]))
        properties = dict(_boxes(parts.get(b"iprp", b"")))
        if not {b"pitm", b"ipco", b"ipma"} <= {*parts, *properties}:
            return None
        listed = list(_boxes(properties[b"ipco"]))
        main = int.from_bytes(parts[b"pitm"][4:6] if parts[b"pitm"][0] == 0 else parts[b"pitm"][4:8], "big")
        mine = [listed[number - 1] for number in _properties_of(main, properties[b"ipma"]) if number]
    except (LookupError, struct.error) as error:
        raise ValueError("the boxes of the file cannot be read") from error
    stated = [body for kind, body in mine if kind == b"colr" and body[:4] == b"nclx" and len(body) >= 8]
    return struct.unpack(">HH", stated[0][4:8]) if stated else None


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the kind and the content of each box."""
    at = 0
    for _ in range(MAX_BOXES):
        if at + 8 > len(content):
            return
        length, kind, head = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8], 8
        if length == 1:
            length, head = int.from_bytes(content[at + 8 : at + 16], "big"), 16
        length = length or len(content) - at  # 0: the rest of the file
        if length < head:
            raise ValueError("a box is shorter than its head")
        yield kind, content[at + head : at + length]
        at += length


def _properties_of(item: int, table: bytes) -> list[int]:
    """Return the numbers (from 1) of an item's properties, from the box `ipma`."""
    version, wide, at = table[0], table[3] & 1, 8
    for _ in range(min(MAX_BOXES, int.from_bytes(table[4:8], "big"))):
        size = 4 if version else 2
        number, count = int.from_bytes(table[at : at + size], "big"), table[at + size]
        at += size + 1
        step = 2 if wide else 1
        found = [int.from_bytes(table[at + step * each : at + step * (each + 1)], "big") for each in range(count)]
        if number == item:
            return [each & (0x7FFF if wide else 0x7F) for each in found]
        at += step * count
    return []
