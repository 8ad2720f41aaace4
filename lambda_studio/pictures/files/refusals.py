"""Build the errors for refused picture files: for one file, for several files, and from a decoder's error."""

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from concepts.printable import printable
from lambda_studio.errors import ImageRefused, MaskRefused, StudioError
from lambda_studio.pictures.files.formats import FORMATS_SAID

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
    """Return one error with every cause on a line, and every remedy: MaskRefused if all problems are with masks."""
    if len(problems) == 1:
        return problems[0]
    causes = "\n  ".join(printable(problem.cause) for problem in problems)
    remedies = " ".join(dict.fromkeys(problem.remedy for problem in problems))
    are_masks = all(isinstance(problem, MaskRefused) for problem in problems)
    kind, what = (MaskRefused, "masks") if are_masks else (ImageRefused, "pictures")
    error: StudioError = kind(f"{len(problems)} of {count} {what} cannot be used:\n  {causes}", remedies)
    error.has_lines = True
    return error


def named(path: Path) -> str:
    """Return a file's name in printable form."""
    name = str(path)
    return name if name.isprintable() else ascii(name)


def in_one_line(error: BaseException) -> str:
    """Return a decoder's error as one line for a message."""
    if isinstance(error, MemoryError):
        return "it needs more memory than a picture may use"
    text = " ".join(str(error).split()) or type(error).__name__
    return text.replace(" <_io.BytesIO object", "").split(" at 0x")[0].rstrip(".")
