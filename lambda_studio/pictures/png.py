"""Pictures as PNG bytes without metadata, and the bytes' name."""

import hashlib
import io

from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from lambda_studio.errors import ImageRefused
from lambda_studio.pictures.refusals import DECODER_ERRORS, in_one_line


def encode_png(image: Image.Image) -> bytes:
    """The picture's pixels as PNG, without metadata."""
    buffer = io.BytesIO()
    without_metadata(image).save(buffer, "PNG")
    return buffer.getvalue()


def decode_png(data: bytes) -> Image.Image:
    """The picture that `encode_png` was given. Raises ImageRefused for other bytes."""
    try:
        with Image.open(io.BytesIO(data), formats=(str(PngImageFile.format),)) as image:
            image.load()
            return without_metadata(image)
    except DECODER_ERRORS as error:
        cause = f"A stored picture of {len(data)} bytes cannot be read: {in_one_line(error)}."
        raise ImageRefused(cause, "The library may be damaged: studio doctor") from error


def sha256(data: bytes) -> str:
    """The content's name: 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def without_metadata(image: Image.Image) -> Image.Image:
    """The same pixels in a picture that carries nothing else (GPS positions, comments, profiles)."""
    bare = Image.new(image.mode, image.size)
    bare.paste(image)
    return bare
