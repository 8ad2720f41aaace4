"""Check a picture file's header before any pixel is decoded: its format, size, pages and pixel format."""

from pathlib import Path

from PIL import Image

from lambda_studio.pictures.files.containers import MAX_PARTS, count_parts
from lambda_studio.pictures.files.decoders import open_image
from lambda_studio.pictures.files.formats import FORMATS_SAID, MAX_PIXELS, SUFFIXES, is_video, said, sniffed
from lambda_studio.pictures.files.refusals import REMEDY, refused
from lambda_studio.pictures.files.tails.png import END

MAX_ASPECT = 8
MIN_SIDE = 32
STILLS = ("MPO", "HEIF", "TIFF")
"""Formats whose further pictures are no animation. iPhone photos are MPO with two pictures."""
APPLE_DOUBLE = b"\x00\x05\x16\x07"
"""How macOS's hidden files begin, which hold what other file systems do not: `._IMG_1.HEIC`."""
TIFF_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "I;16", "I;16B", "I;16L")
NEW_SUBFILE_TYPE, DNG_VERSION = 254, 50706
UNCOMPRESSED = (0, 3)
"""BMP's compression: none, or none with bit fields."""


def verify(path: Path, content: bytes) -> tuple[str, ...]:
    """Return notes about a picture file whose header is right. Raises ImageRefused, or an error of a decoder."""
    if count_parts(content) > MAX_PARTS:
        raise refused(path, f"has more than {MAX_PARTS:,} parts", "Save it again with a picture editor.")
    try:
        image = open_image(content)
    except Image.UnidentifiedImageError as error:
        if is_video(content):
            raise refused(path, "is a video", "Give the photo beside it, or a still picture of the video.") from error
        if content.startswith(APPLE_DOUBLE):
            beside = path.with_name(path.name.removeprefix("._"))
            is_there = beside != path and beside.is_file()
            remedy = f"Give {beside.name}." if is_there else "Give the picture itself, or leave this file out."
            raise refused(path, "is a hidden file of macOS beside a picture", remedy) from error
        kind = sniffed(content)
        why = f"is a damaged {said(kind)} picture" if kind else f"is not a {FORMATS_SAID} picture"
        raise refused(path, why, "Give another copy of the picture." if kind else REMEDY) from error
    _check_size(path, image, len(content))
    if str(image.format) in ("TIFF", "BMP"):
        _check_kind(path, image, content)
    notes = (*_name_notes(path, str(image.format)), *_page_notes(path, image))
    open_image(content).verify()
    if image.format == "PNG" and END not in content:  # the one checksum that Pillow does not verify
        raise refused(path, "has a damaged end", "Give another copy of the picture.")
    return notes


def _check_size(path: Path, image: Image.Image, size: int) -> None:
    kind, (width, height) = str(image.format), image.size
    if kind in ("JPEG", "MPO") and 8 * size < (width // 8) * (height // 8):
        # Every 8 x 8 block takes a bit or more, and libjpeg fills what is missing with grey.
        raise refused(path, f"has {size:,} bytes, too few for {width} x {height} pixels", "Give a whole copy.")
    if width * height > MAX_PIXELS[kind]:
        raise refused(path, f"has {width} x {height} pixels, more than {MAX_PIXELS[kind]:,}", "Give a smaller copy.")
    if min(width, height) < MIN_SIDE:
        raise refused(path, f"has {width} x {height} pixels, too few", f"Give one of {MIN_SIDE} or more on a side.")
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise refused(path, f"has {width} x {height} pixels, too long a strip", "Crop it to the subject.")


def _check_kind(path: Path, image: Image.Image, content: bytes) -> None:
    """Refuse TIFF and BMP files that are no ordinary photos. The first page of a raw file is only a thumbnail."""
    tags = getattr(image, "tag_v2", {})
    if content[8:10] == b"CR" or DNG_VERSION in tags or tags.get(NEW_SUBFILE_TYPE, 0) & 1:
        raise refused(path, "is a camera's raw file", "Export it as JPEG or TIFF.")
    unusual = image.mode not in TIFF_MODES if image.format == "TIFF" else image.info["compression"] not in UNCOMPRESSED
    if unusual:
        raise refused(path, f"has pixels of an unusual kind ({image.mode})", "Save it with 8 bits a channel.")


def _name_notes(path: Path, kind: str) -> tuple[str, ...]:
    if path.suffix.lower() in ("", *SUFFIXES[kind]):
        return ()
    article = "an" if kind == "AVIF" else "a"
    return (f"it is {article} {said(kind)} picture, although its name ends in {path.suffix}",)


def _page_notes(path: Path, image: Image.Image) -> tuple[str, ...]:
    """Return a note about further pages; refuse an animation."""
    if image.format == "TIFF":
        return ("it has more pages than the first, which is used",) if _has_second(image) else ()
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format not in STILLS:
        raise refused(path, f"is animated ({frames} pictures)", "Give one still picture.")
    return (f"it holds {frames} pictures; the main one is used",) if frames > 1 and image.format == "HEIF" else ()


def _has_second(image: Image.Image) -> bool:
    """Return whether a TIFF has a second page. `n_frames` would walk through all of a million pages."""
    try:
        image.seek(1)
    except EOFError:
        return False
    return True
