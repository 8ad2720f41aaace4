"""Open picture files strictly: each becomes plain sRGB pixels or is refused with a cause."""

import os
import stat
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps

from lambda_studio.pictures.files.colour.conversion import WHITE, Stated, eight_bit_colour, eight_bits, to_srgb
from lambda_studio.pictures.files.decoders import open_image
from lambda_studio.pictures.files.mask_evidence import mask_of
from lambda_studio.pictures.files.png import sha256, without_metadata
from lambda_studio.pictures.files.refusals import ANOTHER_COPY, DECODER_ERRORS, refused, why_unread
from lambda_studio.pictures.files.screenshots import NOTE as SCREENSHOT
from lambda_studio.pictures.files.screenshots import is_named_screenshot, screenshot_note
from lambda_studio.pictures.files.tails.jpeg import completed
from lambda_studio.pictures.files.tails.png import with_end
from lambda_studio.pictures.files.verifying import verify

MAX_FILE_BYTES = 100 * 2**20
LONG_SIDE = 1536
"""The maximum long side of the working copy."""
GREY = (128, 128, 128)
SHORT = "its last bytes are missing, but all of its rows are there"
ONE_COLOUR = 3
"""A picture whose every channel varies by less (of 255) counts as one colour."""


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
    header_size: tuple[int, int] | None = None
    """Width and height of the file's picture, upright, before it was scaled. None is the image's."""
    turned: bool = False
    """Whether the file's EXIF turned or mirrored it and it has the same size as before: see `fits_unturned`."""

    @property
    def given_size(self) -> tuple[int, int]:
        """Width and height of the picture as it was given."""
        return self.header_size or self.image.size


@dataclass(frozen=True)
class MaskFile:
    """The mask of a mask file (mode L), and whether the file's EXIF turned or mirrored it."""

    image: Image.Image
    turned: bool = False


@dataclass(frozen=True)
class _Decoded:
    rgb: Image.Image
    """Transparent pixels keep their colours."""
    alpha: Image.Image | None
    """None if all is opaque."""
    notes: tuple[str, ...]
    orientation: int
    """EXIF's orientation, which was applied; 1 is upright."""
    size: tuple[int, int]
    """Width and height of the file's picture, upright."""
    screenshot: str | None = None
    """The note that it is a screenshot, or probably one."""


def open_photo(path: Path) -> Photo:
    """Open one file as a working copy: sRGB, upright, alpha on white, long side at most `LONG_SIDE`.

    Raises ImageRefused for a file that is not one complete still picture of a known format (of several pages the first,
    of a HEIC's pictures the main one), or has only one colour.
    """
    content = read_file(path)
    decoded = _pixels(path, content)
    rgb, alpha, notes = decoded.rgb, decoded.alpha, decoded.notes
    if alpha is not None:
        rgb, unseen = _on_white(rgb, alpha)
        notes = (*notes, *unseen)
    if _is_one_colour(rgb):
        raise refused(path, "has only one colour", "Give a photo that shows the subject.")
    turned = fits_unturned(decoded.orientation, rgb.size)
    photo = Photo(path=path, image=rgb, alpha=alpha, warnings=notes, file_sha=sha256(content))
    return replace(photo, header_size=decoded.size, turned=turned)


def fits_unturned(orientation: int, size: tuple[int, int]) -> bool:
    """Return whether a picture was turned or mirrored by EXIF without a change of its size.

    A mask that was drawn on the picture as it lies in the file then has the right size, too.
    """
    return orientation in (2, 3, 4) or (orientation in (5, 6, 7, 8) and size[0] == size[1])


def _on_white(rgb: Image.Image, alpha: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    """Composite on white; on grey, with a warning, if the opaque part is as white."""
    composed = Image.composite(rgb, Image.new("RGB", rgb.size, WHITE), alpha)
    on_grey = Image.composite(rgb, Image.new("RGB", rgb.size, GREY), alpha)
    if not _is_one_colour(composed) or _is_one_colour(on_grey):
        return composed, ()
    return on_grey, ("it is as white as the background on which subjects are placed, and may not be seen",)


def _is_one_colour(rgb: Image.Image) -> bool:
    return bool(np.ptp(np.asarray(rgb), axis=(0, 1)).max() < ONE_COLOUR)


def open_mask(path: Path) -> MaskFile:
    """Open a mask file, scaled as its photo is. `mask_of` decides which part of the file is the mask.

    Raises ImageRefused as `open_photo` does, except that a mask may have only one colour.
    """
    decoded = _pixels(path, read_file(path))
    return MaskFile(mask_of(decoded.rgb, decoded.alpha), decoded.orientation in range(2, 9))


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
        raise refused(path, f"cannot be read: {why_unread(error)}", "Check the path and its permissions.") from error


def _pixels(path: Path, content: bytes) -> _Decoded:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's warnings are harmless, or refused below
        try:
            whole = with_end(content)
            notes = (*verify(path, whole), *((SHORT,) if whole is not content else ()))
            decoded = _decode_or_complete(whole)
        except DECODER_ERRORS as error:
            raise refused(path, f"cannot be read: {why_unread(error)}", ANOTHER_COPY) from error
        shot = SCREENSHOT if is_named_screenshot(path) else decoded.screenshot
        return replace(decoded, notes=(*notes, *((shot,) if shot else ()), *decoded.notes))


def _decode_or_complete(content: bytes) -> _Decoded:
    """Decode a picture; a JPEG that lacks only its last bytes is completed first."""
    try:
        return _decode(content)
    except OSError:
        if (whole := completed(content, LONG_SIDE)) is None:
            raise
        decoded = _decode(whole)
        return replace(decoded, notes=(*decoded.notes, SHORT))


def _decode(content: bytes) -> _Decoded:
    image = open_image(content)
    size, orientation = image.size, _orientation(image) if image.format == "TIFF" else 1
    image.draft(None, (LONG_SIDE, LONG_SIDE))  # JPEG only: decodes a large picture at a fraction, not below this
    image.load()  # turns a TIFF upright
    if image.format == "PNG" and image.mode in ("L", "RGB") and "transparency" in image.info:
        image.info["transparency"] = eight_bit_colour(image.info["transparency"], content[24])
    stated = Stated.of(image, content)
    scaled = _scaled(eight_bits(image), size)
    upright = ImageOps.exif_transpose(scaled)
    alpha = without_metadata(upright.getchannel("A")) if upright.mode in ("RGBA", "LA") else None
    rgb, notes = to_srgb(upright, stated)
    cut = None if alpha is None or alpha.getextrema() == (255, 255) else alpha
    upright_size = size[::-1] if _orientation(scaled) > 4 else size
    turned = max(orientation, _orientation(scaled))
    return _Decoded(without_metadata(rgb), cut, notes, turned, upright_size, screenshot_note(image, size))


def _orientation(image: Image.Image) -> int:
    """Return EXIF's orientation; 1 for none, or for a value that EXIF does not have."""
    found = image.getexif().get(ExifTags.Base.Orientation, 1)
    return found if found in range(1, 9) else 1


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
