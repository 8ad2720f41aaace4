"""Check pictures from other sources: are they in the form that `encode_png` writes?"""

import struct
import zlib

import numpy as np
from PIL import Image

from lambda_studio.errors import ImageRefused
from lambda_studio.pictures.files.png import decode_png

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def picture_fault(data: bytes, size: tuple[int, int]) -> str | None:
    """Return why these bytes are not a working copy of this size, or None if they are."""
    image = _decoded(data, size, "RGB")
    return image if isinstance(image, str) else None


def mask_fault(data: bytes, size: tuple[int, int]) -> str | None:
    """Return why these bytes are not a mask of this size, or None if they are."""
    image = _decoded(data, size, "L")
    if isinstance(image, str):
        return image
    return None if (np.asarray(image) >= 128).any() else "is an empty mask"


def _decoded(data: bytes, size: tuple[int, int], mode: str) -> Image.Image | str:
    """Return the picture or its fault. Nothing is decoded unless the header has the expected size."""
    if (kinds := _chunks(data)) is None:
        return "is not a complete PNG"
    if odd := kinds - {b"IHDR", b"IDAT", b"IEND"}:
        return f"has chunks that are not pixels ({', '.join(sorted(kind.decode('latin-1') for kind in odd))})"
    if (found := struct.unpack(">II", data[16:24])) != size:
        return f"has {found[0]} x {found[1]} pixels instead of {size[0]} x {size[1]}"
    try:
        image = decode_png(data)
    except ImageRefused as error:
        return error.cause.partition(" cannot be read: ")[2].rstrip(".") or "cannot be read"
    if image.mode != mode:
        return f"has the mode {image.mode} instead of {mode}"
    return image if _holds_only_its_pixels(data, len(mode)) else "has data beside its pixels, or is not plain 8-bit"


def _holds_only_its_pixels(data: bytes, channels: int) -> bool:
    """Return whether a complete PNG is 8-bit, not interlaced, and unpacks to exactly its rows."""
    width, height = struct.unpack(">II", data[16:24])
    packed, at = [], len(SIGNATURE)
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        packed += [data[at + 8 : at + 8 + length]] * (data[at + 4 : at + 8] == b"IDAT")
        at += 12 + length
    rows = (channels * width + 1) * height
    unpacking = zlib.decompressobj()
    try:
        held = len(unpacking.decompress(b"".join(packed), rows + 1))
    except zlib.error:  # damaged data after the last pixel, which a decoder does not read
        return False
    return data[24] == 8 and data[28] == 0 and held == rows and unpacking.eof and not unpacking.unused_data


def _chunks(data: bytes) -> set[bytes] | None:
    """Return the kinds of a PNG's chunks, or None if the chunks do not fill the file exactly."""
    if not data.startswith(SIGNATURE + b"\0\0\0\x0dIHDR"):
        return None
    at, kinds = len(SIGNATURE), set()
    while at + 12 <= len(data) and b"IEND" not in kinds:
        kinds.add(data[at + 4 : at + 8])
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    return kinds if at == len(data) and b"IEND" in kinds else None
