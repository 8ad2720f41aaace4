"""Build the errors for refused picture files: for one file, for several files, and from a decoder's error."""

import re
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from concepts.printable import printable
from lambda_studio.errors import ImageRefused, MaskRefused, StudioError
from lambda_studio.pictures.files.formats import FORMATS_SAID

_CUT_OFF = re.compile(r"truncated|end of file|unexpected end", re.IGNORECASE)
"""How decoders say that a file ends too early."""
ANOTHER_COPY = "Give another copy of the picture."
TOGETHER = "Nothing was stored. Do what stands behind each, or leave the file out."
REMEDY = f"Give {FORMATS_SAID} photos."
# The errors that Pillow's decoders are known to raise on invalid files.
DECODER_ERRORS = (
    OSError,
    RuntimeError,
    ValueError,
    SyntaxError,
    EOFError,
    LookupError,
    TypeError,
    ArithmeticError,
    MemoryError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


def refused(path: Path, why: str, remedy: str = REMEDY) -> ImageRefused:
    """Return the error for one refused file, with its name in printable form."""
    return ImageRefused(f"{named(path)} {why}.", remedy)


def refused_together(problems: Sequence[StudioError], count: int) -> StudioError:
    """Return one error with every cause on a line: MaskRefused if all problems are with masks.

    If the remedies differ, each stands behind its own cause.
    """
    if len(problems) == 1:
        return problems[0]
    alike = len({problem.remedy for problem in problems}) == 1
    lines = [printable(each.cause if alike else f"{each.cause} → {each.remedy}") for each in problems]
    are_masks = all(isinstance(problem, MaskRefused) for problem in problems)
    kind, what = (MaskRefused, "masks") if are_masks else (ImageRefused, "pictures")
    cause = "\n  ".join([f"{len(problems)} of {count} {what} cannot be used:", *lines])
    error: StudioError = kind(cause, problems[0].remedy if alike else TOGETHER)
    error.has_lines = True
    return error


def named(path: Path) -> str:
    """Return a file's name in printable form."""
    name = str(path)
    return name if name.isprintable() else ascii(name)


def why_unread(error: BaseException) -> str:
    """Return for a message why a decoder gave up. Its own words are about its code, not about the picture."""
    if isinstance(error, MemoryError):
        return "it needs more memory than a picture may use"
    if isinstance(error, Image.DecompressionBombError):
        return "it has more pixels than a picture may have"
    if isinstance(error, OSError) and error.errno is not None:
        return error.strerror or "it cannot be opened"
    if isinstance(error, EOFError) or _CUT_OFF.search(str(error)):
        return "it is cut off: its last part is missing"
    return (
        "its data are damaged"
        if isinstance(error, DECODER_ERRORS)
        else f"its data are damaged ({type(error).__name__})"
    )
