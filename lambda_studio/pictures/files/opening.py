"""Open picture files strictly: each becomes plain sRGB pixels or is refused with a cause."""

import io
import os
import stat
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from lambda_studio.pictures.files.colour import WHITE, Stated, eight_bit_colour, eight_bits, to_srgb
from lambda_studio.pictures.files.containers import MAX_PARTS, count_parts
from lambda_studio.pictures.files.mask_evidence import mask_of
from lambda_studio.pictures.files.png import sha256, without_metadata
from lambda_studio.pictures.files.refusals import DECODER_ERRORS, in_one_line, refused

FORMATS = tuple(str(kind.format) for kind in (JpegImageFile, PngImageFile, WebPImageFile))
"""The formats that are opened; MPO is opened as JPEG. They are imported here because Pillow's lazy import is not safe
among threads."""
SUFFIXES = {
    "JPEG": ("", ".jpg", ".jpeg", ".jpe", ".jfif"),
    "MPO": ("", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "PNG": ("", ".png"),
    "WEBP": ("", ".webp"),
}
"""The formats that are opened, and the suffixes of their files."""
MAX_PIXELS = {"JPEG": 64_000_000, "MPO": 64_000_000, "PNG": 36_000_000, "WEBP": 36_000_000}
"""The limit for JPEG is higher because a JPEG can be decoded at a fraction of its size."""
MAX_FILE_BYTES = 100 * 2**20
MAX_ASPECT = 8
MIN_SIDE = 32
LONG_SIDE = 1536
"""The maximum long side of the working copy."""
GREY = (128, 128, 128)
ONE_COLOUR = 3
"""A picture whose every channel varies by less (of 255) counts as one colour."""
PNG_END = b"\0\0\0\0IEND\xaeB\x60\x82"
"""A PNG's last chunk, with its checksum."""


@dataclass(frozen=True, kw_only=True)
class Photo:
    """An opened picture: upright RGB pixels on white, without metadata."""

    path: Path
    image: Image.Image
    alpha: Image.Image | None = None
    """Mode L, the image's size: 255 = opaque. None if the whole picture was opaque."""
    warnings: tuple[str, ...] = ()
    file_sha: str = ""
    """SHA-256 of the file's bytes when they were read."""


def open_photo(path: Path) -> Photo:
    """Open one file as a working copy: sRGB, upright, alpha on white, long side at most `LONG_SIDE`.

    Raises ImageRefused for a file that is not one complete still JPEG (MPO: its first picture), PNG or WEBP picture,
    or has only one colour.
    """
    content = read_file(path)
    rgb, alpha, notes = _pixels(path, content)
    if alpha is not None:
        rgb, unseen = _on_white(rgb, alpha)
        notes = (*notes, *unseen)
    if _is_one_colour(rgb):
        raise refused(path, "has only one colour", "Give a photo that shows the subject.")
    return Photo(path=path, image=rgb, alpha=alpha, warnings=notes, file_sha=sha256(content))


def _on_white(rgb: Image.Image, alpha: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    """Composite on white; on grey, with a warning, if the opaque part is as white."""
    composed = Image.composite(rgb, Image.new("RGB", rgb.size, WHITE), alpha)
    on_grey = Image.composite(rgb, Image.new("RGB", rgb.size, GREY), alpha)
    if not _is_one_colour(composed) or _is_one_colour(on_grey):
        return composed, ()
    return on_grey, ("it is as white as the background on which subjects are placed, and may not be seen",)


def _is_one_colour(rgb: Image.Image) -> bool:
    return bool(np.ptp(np.asarray(rgb), axis=(0, 1)).max() < ONE_COLOUR)


def open_grey(path: Path) -> Image.Image:
    """Open a mask file (mode L), scaled as its photo is. `mask_of` decides which part of the file is the mask.

    Raises ImageRefused as `open_photo` does, except that a mask may have only one colour.
    """
    rgb, alpha, _ = _pixels(path, read_file(path))
    return mask_of(rgb, alpha)


def read_file(path: Path) -> bytes:
    """Read a regular file of at most MAX_FILE_BYTES. Raises ImageRefused for any other file, without blocking."""
    # Non-blocking, because opening a FIFO would wait for its writer.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            raise refused(path, "is a folder", "Give the photos in it.")
        if not stat.S_ISREG(status.st_mode):
            raise refused(path, "is not a regular file")
        if status.st_size == 0:
            raise refused(path, "is empty (0 bytes)")
        if status.st_size > MAX_FILE_BYTES:
            raise refused(path, f"has {status.st_size:,} bytes, more than {MAX_FILE_BYTES:,}", "Give a smaller copy.")
        with open(os.open(path, flags), "rb") as file:
            return file.read(MAX_FILE_BYTES)
    except FileNotFoundError as error:
        raise refused(path, "does not exist", "Check the path.") from error
    except (OSError, ValueError) as error:
        raise refused(path, f"cannot be read: {in_one_line(error)}", "Check the path and its permissions.") from error


def _open(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content), formats=FORMATS)


def _verify(path: Path, content: bytes) -> None:
    """Check the header before any pixel is decoded; then let Pillow check a PNG's checksums."""
    if count_parts(content) > MAX_PARTS:
        raise refused(path, f"has more than {MAX_PARTS:,} parts", "Save it again with a picture editor.")
    try:
        image = _open(content)
    except Image.UnidentifiedImageError as error:
        raise refused(path, "is not a JPEG, PNG or WEBP picture") from error
    kind, (width, height) = str(image.format), image.size
    if kind in ("JPEG", "MPO") and 8 * len(content) < (width // 8) * (height // 8):
        # Every 8 x 8 block takes a bit or more, and libjpeg fills what is missing with grey.
        raise refused(path, f"has {len(content):,} bytes, too few for {width} x {height} pixels", "Give a whole copy.")
    if path.suffix.lower() not in SUFFIXES[kind]:
        remedy = f"Rename it to end in {SUFFIXES[kind][1]}."
        raise refused(path, f"is a {kind} picture, and its name ends in {path.suffix}", remedy)
    if width * height > MAX_PIXELS[kind]:
        raise refused(path, f"has {width} x {height} pixels, more than {MAX_PIXELS[kind]:,}", "Give a smaller copy.")
    if min(width, height) < MIN_SIDE:
        raise refused(path, f"has {width} x {height} pixels, too few", f"Give one of {MIN_SIDE} or more on a side.")
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise refused(path, f"has {width} x {height} pixels, too long a strip", "Crop it to the subject.")
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and kind != "MPO":  # iPhone photos are MPO with two frames
        raise refused(path, f"is animated ({frames} pictures)", "Give one still picture.")
    image.verify()
    if kind == "PNG" and PNG_END not in content:  # the one checksum that Pillow does not verify
        raise refused(path, "has a damaged end", "Give another copy of the picture.")


def _pixels(path: Path, content: bytes) -> tuple[Image.Image, Image.Image | None, tuple[str, ...]]:
    """Return RGB pixels (transparent ones keep their colours), alpha or None if all is opaque, and warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's warnings are harmless, or refused below
        try:
            _verify(path, content)
            return _decode(content)
        except DECODER_ERRORS as error:
            raise refused(path, f"cannot be read: {in_one_line(error)}") from error


def _decode(content: bytes) -> tuple[Image.Image, Image.Image | None, tuple[str, ...]]:
    image = _open(content)
    size = image.size
    image.draft(None, (LONG_SIDE, LONG_SIDE))  # JPEG only: decodes a large picture at a fraction, not below this
    image.load()
    if image.format == "PNG" and image.mode in ("L", "RGB") and "transparency" in image.info:
        image.info["transparency"] = eight_bit_colour(image.info["transparency"], content[24])
    stated = Stated.of(image, content)
    upright = ImageOps.exif_transpose(_scaled(eight_bits(image), size))
    alpha = without_metadata(upright.getchannel("A")) if upright.mode in ("RGBA", "LA") else None
    rgb, notes = to_srgb(upright, stated)
    return without_metadata(rgb), None if alpha is None or alpha.getextrema() == (255, 255) else alpha, notes


def _scaled(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Scale the picture to a long side of at most `LONG_SIDE`. `size` is the header's size, before any draft."""
    scale = min(1, LONG_SIDE / max(size))
    width, height = (max(1, round(length * scale)) for length in size)
    if image.size == (width, height):
        return image
    exif = image.getexif()
    scaled = image.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=3.0)
    scaled.getexif().update(exif)
    return scaled
