"""The door for pictures: every file is opened once, strictly, and becomes plain sRGB pixels or a clear refusal."""

import hashlib
import io
import os
import stat
import struct
import warnings
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from lambda_studio.errors import ImageRefused, MaskRefused, StudioError

FORMATS = tuple(str(kind.format) for kind in (JpegImageFile, PngImageFile, WebPImageFile))
"""All that is opened; MPO is opened as JPEG. Imported here, for Pillow's own import at first use is not safe among
threads: one may find no JPEG."""
SUFFIXES = {
    "JPEG": ("", ".jpg", ".jpeg", ".jpe", ".jfif"),
    "MPO": ("", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "PNG": ("", ".png"),
    "WEBP": ("", ".webp"),
}
"""The formats that are opened, and what their files may be called."""
MAX_PIXELS = {"JPEG": 64_000_000, "MPO": 64_000_000, "PNG": 36_000_000, "WEBP": 36_000_000}
"""JPEG may hold more: it can be decoded at a fraction of its size."""
MAX_FILE_BYTES = 100 * 2**20
MAX_ASPECT = 8
MIN_SIDE = 32
LONG_SIDE = 1536
"""The working copy is at most this long."""
ONE_COLOUR = 3
"""A picture whose every channel varies by less (of 255) shows nothing."""
NEAR_DUPLICATE = 2.0
"""Mean difference of two pictures' 16 x 16 thumbnails (of 255) below which they are called almost the same."""
PREPROCESSING = "cutout-1"
"""The version of `cut_out` and `square_crop`: part of every feature's cache key. Change it when their pixels change."""
PNG_END = b"\0\0\0\0IEND\xaeB\x60\x82"
"""A PNG's last chunk, with its checksum."""

WHITE = (255, 255, 255)
REMEDY = "Give JPEG, PNG or WEBP photos."
# What Pillow's decoders are known to raise on files that are not what they say.
DECODER_ERRORS = (
    OSError,
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


@dataclass(frozen=True, kw_only=True)
class Photo:
    """A picture that passed the door: RGB pixels, upright, on white, without metadata; `alpha` where it had one."""

    path: Path
    image: Image.Image
    alpha: Image.Image | None = None
    """Mode L, the image's size: 255 where the picture was opaque. None where all of it was."""
    warnings: tuple[str, ...] = ()
    file_sha: str = ""
    """SHA-256 of the file's bytes as they were looked at."""


def open_photo(path: Path) -> Photo:
    """Open one file as a working copy: sRGB, upright, alpha on white, long side at most `LONG_SIDE`.

    Raises ImageRefused, naming the file, for whatever is not one whole still JPEG (MPO: its first picture), PNG or
    WEBP picture of a subject.
    """
    content = read_file(path)
    rgb, alpha, notes = _pixels(path, content)
    if alpha is not None:
        rgb = Image.composite(rgb, Image.new("RGB", rgb.size, WHITE), alpha)
    if np.ptp(np.asarray(rgb), axis=(0, 1)).max() < ONE_COLOUR:
        raise refused(path, "is of one colour", "Give a photo that shows the subject.")
    return Photo(path=path, image=rgb, alpha=alpha, warnings=notes, file_sha=sha256(content))


def open_grey(path: Path) -> Image.Image:
    """A mask file through the same door, scaled as its photo would be: mode L, its alpha where it has one.

    Raises ImageRefused as `open_photo` does, except that a mask may be of one colour.
    """
    rgb, alpha, _ = _pixels(path, read_file(path))
    return alpha or rgb.convert("L")


def read_file(path: Path) -> bytes:
    """The bytes of a regular file; nothing else, and no larger one, is waited for or read. Raises ImageRefused."""
    # Not blocking, or opening a FIFO waits for its writer.
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


def refused_together(problems: Sequence[StudioError], count: int) -> StudioError:
    """One error that tells every problem with `count` pictures, and what to do: MaskRefused where all are masks'."""
    if len(problems) == 1:
        return problems[0]
    causes = " ".join(problem.cause for problem in problems)
    remedies = " ".join(dict.fromkeys(problem.remedy for problem in problems))
    if all(isinstance(problem, MaskRefused) for problem in problems):
        return MaskRefused(f"{len(problems)} of {count} masks cannot be used. {causes}", remedies)
    return ImageRefused(f"{len(problems)} of {count} pictures cannot be used. {causes}", remedies)


def encode_png(image: Image.Image) -> bytes:
    """The picture's pixels as PNG, without metadata."""
    buffer = io.BytesIO()
    _without_metadata(image).save(buffer, "PNG")
    return buffer.getvalue()


def decode_png(data: bytes) -> Image.Image:
    """The picture that `encode_png` was given. Raises ImageRefused for other bytes."""
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            image.load()
            return _without_metadata(image)
    except DECODER_ERRORS as error:
        cause = f"A stored picture of {len(data)} bytes cannot be read: {in_one_line(error)}."
        raise ImageRefused(cause, "The library may be damaged: studio doctor") from error


def sha256(data: bytes) -> str:
    """The content's name: 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def cut_out(image: Image.Image, mask: Image.Image | None, size: int, margin: float = 0.05) -> Image.Image:
    """The subject on white, cropped to its box with `margin` (of the box's long side), padded to a square, resized.

    Padded, because CLIP's centre crop would cut what is not square. Without a mask all of the picture is the subject,
    and there is no margin. Gives RGB, `size` pixels on a side.
    """
    if mask is not None:
        box = mask.point(lambda value: 255 * (value >= 128)).getbbox()
        image = Image.composite(image, Image.new("RGB", image.size, WHITE), mask).crop(box)
    side = max(image.size)
    side += 2 * round(side * margin) if mask is not None else 0
    square = Image.new("RGB", (side, side), WHITE)
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return square.resize((size, size), Image.Resampling.BICUBIC)


def square_crop(image: Image.Image, size: int) -> Image.Image:
    """The middle square, resized: what Eq. 2 denoises, and what CLIP sees beside it. RGB, `size` on a side."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    crop = image.crop((left, top, left + side, top + side))
    return _without_metadata(crop.resize((size, size), Image.Resampling.BICUBIC))


def refused(path: Path, why: str, remedy: str = REMEDY) -> ImageRefused:
    """The refusal of one file, which is named so that it can be printed."""
    return ImageRefused(f"{named(path)} {why}.", remedy)


def named(path: Path) -> str:
    """Return a file's name as it can be printed."""
    name = str(path)
    return name if name.isprintable() else ascii(name)


def in_one_line(error: BaseException) -> str:
    """What a decoder said, fit for a message."""
    if isinstance(error, MemoryError):
        return "it needs more memory than a picture may use"
    text = " ".join(str(error).split()) or type(error).__name__
    return text.replace(" <_io.BytesIO object", "").split(" at 0x")[0].rstrip(".")


def _open(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content), formats=FORMATS)


def _verify(path: Path, content: bytes) -> None:
    """Refuse by what the header says, before any pixel is decoded; then let Pillow check PNG's checksums."""
    try:
        image = _open(content)
    except Image.UnidentifiedImageError as error:
        raise refused(path, "is not a JPEG, PNG or WEBP picture") from error
    kind, (width, height) = str(image.format), image.size
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
    if frames > 1 and kind != "MPO":  # iPhone photos are MPO and say they have two
        raise refused(path, f"is animated ({frames} pictures)", "Give one still picture.")
    image.verify()
    if kind == "PNG" and PNG_END not in content:  # the one checksum that Pillow leaves out
        raise refused(path, "has a damaged end", "Give another copy of it.")


def _pixels(path: Path, content: bytes) -> tuple[Image.Image, Image.Image | None, tuple[str, ...]]:
    """RGB pixels (colours under transparency as they are), alpha unless all is opaque, and what there is to say."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of oddities that are either harmless or refused below
        try:
            _verify(path, content)
            return _decode(content)
        except DECODER_ERRORS as error:
            raise refused(path, f"cannot be read: {in_one_line(error)}") from error


def _decode(content: bytes) -> tuple[Image.Image, Image.Image | None, tuple[str, ...]]:
    image = _open(content)
    size = image.size
    image.draft(None, (LONG_SIDE, LONG_SIDE))  # JPEG only: a fraction of a very large picture, never below this
    image.load()
    if image.format == "PNG" and image.mode in ("L", "RGB") and "transparency" in image.info:
        image.info["transparency"] = _eight_bit_colour(image.info["transparency"], content[24])
    profile = image.info.get("icc_profile")
    upright = ImageOps.exif_transpose(_scaled(_eight_bits(image), size))
    alpha = _without_metadata(upright.getchannel("A")) if upright.mode in ("RGBA", "LA") else None
    rgb, notes = _to_srgb(upright, profile)
    return _without_metadata(rgb), None if alpha is None or alpha.getextrema() == (255, 255) else alpha, notes


def _eight_bit_colour(clear: int | tuple[int, ...], depth: int) -> int | tuple[int, ...]:
    """PNG's transparent grey or RGB, which Pillow leaves in the file's bits, in those of the pixels that Pillow gives.

    Of 16-bit RGB the upper halves are compared, as only they are there.
    """
    if isinstance(clear, int):
        return (clear % 2**depth) * 255 // (2**depth - 1)
    return tuple(value >> 8 if depth == 16 else value % 256 for value in clear)


def _scaled(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The picture with its long side at most `LONG_SIDE`; `size` is what its header says, whatever was decoded."""
    scale = min(1, LONG_SIDE / max(size))
    width, height = (max(1, round(length * scale)) for length in size)
    if image.size == (width, height):
        return image
    exif = image.getexif()
    scaled = image.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=3.0)
    scaled.getexif().update(exif)
    return scaled


def _eight_bits(image: Image.Image) -> Image.Image:
    """One of L, LA, RGB, RGBA, CMYK, with 8 bits a channel and any transparency as alpha."""
    if image.mode.startswith("I"):  # 16-bit grey, which Pillow's own conversion turns white
        grey = np.asarray(image)
        high = Image.fromarray((grey.astype(np.uint32) >> 8).astype(np.uint8))
        if (clear := image.info.get("transparency")) is not None:
            high.putalpha(Image.fromarray(np.where(grey == clear, 0, 255).astype(np.uint8)))
        return high
    if image.has_transparency_data:
        return image if image.mode in ("RGBA", "LA") else image.convert("RGBA")
    return image if image.mode in ("L", "RGB", "CMYK") else image.convert("RGB")


def _to_srgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, tuple[str, ...]]:
    """RGB through the picture's colour profile, or without one as Pillow converts; and what there is to say of it."""
    colours = image.convert({"RGBA": "RGB", "LA": "L"}.get(image.mode, image.mode))
    if not profile:
        return colours.convert("RGB"), ()
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if ImageCms.getProfileDescription(source).startswith("sRGB"):
            return colours.convert("RGB"), ()
        converted = ImageCms.profileToProfile(colours, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, *DECODER_ERRORS):
        return colours.convert("RGB"), ("its colour profile cannot be used and was ignored",)
    assert converted is not None  # it is None only where it works in place
    return converted, ()


def _without_metadata(image: Image.Image) -> Image.Image:
    """The same pixels in a picture that carries nothing else (GPS positions, comments, profiles)."""
    bare = Image.new(image.mode, image.size)
    bare.paste(image)
    return bare


def warn_of_near_duplicates(photos: Sequence[Photo]) -> list[Photo]:
    """The photos, each with a warning that names an earlier one which looks almost the same."""
    thumbnails = [np.asarray(photo.image.resize((16, 16), Image.Resampling.BOX), dtype=np.float32) for photo in photos]
    warned = list(photos)
    for first, second in combinations(range(len(photos)), 2):
        if np.abs(thumbnails[first] - thumbnails[second]).mean() < NEAR_DUPLICATE:
            note = f"almost the same picture as {photos[first].path.name}"
            warned[second] = replace(warned[second], warnings=(*warned[second].warnings, note))
    return warned
