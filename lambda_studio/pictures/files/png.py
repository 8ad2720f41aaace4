"""Encode and decode pictures as PNG bytes without metadata, and hash the bytes."""

import hashlib
import io

from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from lambda_studio.errors import ImageRefused
from lambda_studio.pictures.files.refusals import DECODER_ERRORS, why_unread


def encode_png(image: Image.Image) -> bytes:
    """Encode the picture's pixels as PNG, without metadata."""
    buffer = io.BytesIO()
    without_metadata(image).save(buffer, "PNG")
    return buffer.getvalue()


def decode_png(data: bytes) -> Image.Image:
    """Decode a picture that `encode_png` encoded. Raises ImageRefused for invalid bytes."""
    try:
        with Image.open(io.BytesIO(data), formats=(str(PngImageFile.format),)) as image:
            image.load()
            return without_metadata(image)
    except DECODER_ERRORS as error:
        cause = f"A stored picture of {len(data)} bytes cannot be read: {why_unread(error)}."
        raise ImageRefused(cause, "The library may be damaged: studio doctor") from error


def sha256(data: bytes) -> str:
    """Return the SHA-256 of the content: 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def without_metadata(image: Image.Image) -> Image.Image:
    """Return a copy with the same pixels and no metadata (GPS positions, comments, profiles)."""
    bare = Image.new(image.mode, image.size)
    bare.paste(image)
    return bare
