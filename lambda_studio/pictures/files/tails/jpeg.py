"""Complete a JPEG that lacks its last bytes, if all of its rows are there."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import ceil

import numpy as np

from lambda_studio.pictures.files.decoders import open_image

START, END = b"\xff\xd8", b"\xff\xd9"
FRAMES = (0xC0, 0xC1, 0xC2)
"""Baseline, extended and progressive frames. Pillow reads no others."""
SCAN, RESTART_INTERVAL = 0xDA, 0xDD
MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""A marker that ends a scan's data."""
RESTART = re.compile(rb"\xff[\xd0-\xd7]")
NOISE = bytes(range(1, 255)) * 4
"""Data to continue a scan with: where pixels depend on it, the file's own data had ended."""


@dataclass
class _Structure:
    """What a JPEG's headers say, up to its last scan."""

    width: int = 0
    height: int = 0
    sampling: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Horizontal and vertical sampling by component."""
    interval: int = 0
    """Blocks between restart markers; 0 for none."""
    exact: dict[int, set[int]] = field(default_factory=dict)
    """By component, the coefficients of which a scan gives the last bit."""
    scan: tuple[int, ...] = ()
    """The components of the last scan."""
    data: bytes = b""
    """The last scan's data."""

    @property
    def last_row_height(self) -> int:
        """The height of the last row of blocks in pixels."""
        whole = 8 * max(vertical for _, vertical in self.sampling.values())
        return self.height % whole or whole

    def is_whole(self) -> bool:
        """Return whether every coefficient has its last bit and no restart marker is missing."""
        if not self.scan or any(len(self.exact.get(each, ())) < 64 for each in self.sampling):
            return False
        return not self.interval or len(RESTART.findall(self.data)) == (self._blocks() - 1) // self.interval

    def _blocks(self) -> int:
        """Return how many units the last scan codes: single blocks if it has one component."""
        across, down = (max(each[axis] for each in self.sampling.values()) for axis in (0, 1))
        if len(self.scan) == 1:
            horizontal, vertical = self.sampling[self.scan[0]]
            columns, rows = ceil(self.width * horizontal / across), ceil(self.height * vertical / down)
            return ceil(columns / 8) * ceil(rows / 8)
        return ceil(self.width / (8 * across)) * ceil(self.height / (8 * down))


def lacks_end(content: bytes) -> bool:
    """Return whether a JPEG has no end marker of its own. Segments are walked over, because a thumbnail has one too."""
    at = len(START)
    while marker := MARKER.search(content, at):
        if content[marker.start() + 1] == END[1]:
            return False
        at = marker.end() + int.from_bytes(content[marker.end() : marker.end() + 2], "big")
    return True


def completed(content: bytes, side: int) -> bytes | None:
    """Return a JPEG with an end marker, or None unless its data reach into the second half of the last row of blocks.

    Two continuations of the data are decoded, at `side` pixels or more: rows that are there do not depend on them.
    """
    content = content.rstrip(b"\xff")
    try:
        structure = _structure(content) if content.startswith(START) else _Structure()
        if not structure.is_whole():
            return None
    except (LookupError, ValueError):  # headers that are cut off
        return None
    first, second = (_decoded(each, side) for each in (content + END, content + NOISE + END))
    differs = np.any(first != second, axis=-1) if first.ndim == 3 else first != second
    last_row = ceil(structure.last_row_height * len(first) / structure.height)
    few = differs.any(axis=0).mean() <= 0.5
    smoothed = 2  # rows above, by chroma
    return content + END if few and not differs[: -last_row - smoothed].any() else None


def _decoded(content: bytes, side: int) -> np.ndarray:
    image = open_image(content)
    image.draft(None, (side, side))
    return np.asarray(image)


def _structure(content: bytes) -> _Structure:
    """Read the headers. Raises LookupError or ValueError for headers that are cut off."""
    found = _Structure()
    for kind, body, after in _segments(content):
        if kind in FRAMES:
            found.height, found.width = (int.from_bytes(body[at : at + 2], "big") for at in (1, 3))
            parts = [body[at : at + 3] for at in range(6, 6 + 3 * body[5], 3)]
            found.sampling = {part[0]: (part[1] >> 4, part[1] & 15) for part in parts}
        elif kind == RESTART_INTERVAL:
            found.interval = int.from_bytes(body[:2], "big")
        elif kind == SCAN:
            count = body[0]
            found.scan = tuple(body[1 : 1 + 2 * count : 2])
            first, last, bits = body[1 + 2 * count : 4 + 2 * count]
            for each in found.scan if bits & 15 == 0 else ():
                found.exact.setdefault(each, set()).update(range(first, last + 1))
            found.data = after
    return found


def _segments(content: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield the kind and the content of each segment, and of a scan also the data after it."""
    at = len(START)
    while marker := MARKER.search(content, at):
        kind, length = content[marker.start() + 1], int.from_bytes(content[marker.end() : marker.end() + 2], "big")
        body = content[marker.end() + 2 : marker.end() + length]
        at = marker.end() + length
        if kind == SCAN:
            ended = MARKER.search(content, at)
            yield kind, body, content[at : ended.start() if ended else len(content)]
        elif kind != END[1]:
            yield kind, body, b""
        else:
            return
