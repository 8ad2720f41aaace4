"""Write pictures as sixels, the way in which DEC's terminals and those after them are sent pictures."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

BAND = 6
"""The rows of pixels that one line of sixels has."""
COLOURS = 256
"""The most colours of a picture."""
_RUN = re.compile(r"(.)\1{3,}")


def sixels(image: "Image.Image") -> str:
    """Return the escape sequence that shows a picture in its `COLOURS` most fitting colours, without dithering."""
    from PIL.Image import Dither

    indexed = image.convert("RGB").quantize(COLOURS, dither=Dither.NONE)
    width, height = indexed.size
    return f'\x1bPq"1;1;{width};{height}{"".join(_palette(indexed))}{"".join(_bands(indexed))}\x1b\\'


def _palette(indexed: "Image.Image") -> Iterator[str]:
    """Yield each colour's number and its red, green and blue as percentages."""
    palette = indexed.getpalette() or []
    for number in range(len(palette) // 3):
        parts = (str(round(value * 100 / 255)) for value in palette[3 * number : 3 * number + 3])
        yield f"#{number};2;{';'.join(parts)}"


def _bands(indexed: "Image.Image") -> Iterator[str]:
    """Yield each band: a line for each of its colours, with one character for six pixels above each other."""
    width, height = indexed.size
    pixels = indexed.tobytes()
    for top in range(0, height, BAND):
        columns: dict[int, bytearray] = {}
        for row in range(min(BAND, height - top)):
            for x, colour in enumerate(pixels[(top + row) * width : (top + row + 1) * width]):
                columns.setdefault(colour, bytearray(b"?" * width))[x] += 1 << row
        lines = (f"#{colour}{_RUN.sub(_repeated, line.decode())}" for colour, line in columns.items())
        yield f"{'$'.join(lines)}-"


def _repeated(run: re.Match[str]) -> str:
    return f"!{len(run[0])}{run[1]}"
