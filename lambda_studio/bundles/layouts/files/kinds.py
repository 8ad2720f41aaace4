"""What a file is for an import: a picture that can be opened, one that cannot, or something beside it.

The name decides. Only a name without a suffix says nothing: then the first bytes decide.
"""

from pathlib import Path, PurePath

from lambda_studio.pictures.files.formats import FORMATS_SAID, PICTURE_SUFFIXES, is_video, sniffed

PICTURES = frozenset(PICTURE_SUFFIXES)
"""The suffixes of pictures that can be opened."""
_COMMON = """
    .heic .heif .hif .avif .tif .tiff .bmp .dib .gif .jxl .jp2 .svg .psd .xcf .ico .tga .ppm .pgm .exr .hdr
    .dng .raw .cr2 .cr3 .nef .arw .orf .rw2 .raf .pef
"""
FOREIGN = frozenset(_COMMON.split()) - PICTURES
"""The suffixes of pictures that cannot be opened."""
OTHERS = "not pictures"
UNNAMED = "pictures, but their names do not end as a picture's: rename them"
HEADER = 256
"""The bytes that tell a picture's format."""
CAPTIONS = frozenset({".txt", ".caption", ".caption2", ".tags"})
MIN_BMP = 25
"""No BMP picture has fewer bytes."""
VIDEOS = frozenset({".mov", ".mp4", ".m4v", ".avi", ".mkv", ".webm", ".3gp", ".aae"})


def is_picture(path: PurePath) -> bool:
    """Return whether a file's name says that it is a picture that can be opened."""
    return path.suffix.lower() in PICTURES


def begins_as_picture(start: bytes) -> bool:
    """Return whether the first bytes of a file are a picture's. Two letters, as of BMP, are too few to tell."""
    kind = sniffed(start)
    if kind == "BMP":
        return start[6:10] == bytes(4) and len(start) > MIN_BMP
    return kind is not None and not is_video(start) and (kind != "JPEG" or start.startswith(b"\xff\xd8\xff"))


def has_picture(path: Path) -> bool:
    """Return whether a file's content begins as a picture's. A file that cannot be read does not."""
    return begins_as_picture(_start(path) or b"")


def _start(path: Path) -> bytes | None:
    """Return the first bytes of a file; None if it is not a regular file or cannot be read."""
    try:
        if not path.is_file():  # nobody may ever write into a FIFO
            return None
        with path.open("rb") as file:
            return file.read(HEADER)
    except OSError:
        return None


def is_foreign(path: PurePath) -> bool:
    """Return whether a file's name says that it is a picture that cannot be opened."""
    return path.suffix.lower() in FOREIGN


def kind_of(path: PurePath) -> str:
    """Return why a file that is no subject's picture or mask is left aside, by its name."""
    suffix = path.suffix.lower()
    if suffix in CAPTIONS:
        return "captions and other texts"
    if suffix in VIDEOS:
        return "videos and what belongs to them"
    if suffix in PICTURES | FOREIGN:
        return "pictures that belong to no subject"
    return OTHERS


def unusable(path: Path) -> str | None:
    """Return why a file cannot be a picture, by its first bytes, or None. The picture is not decoded."""
    try:
        if not path.is_file():  # nobody may ever write into a FIFO
            return "is not a regular file"
        with path.open("rb") as file:
            start = file.read(HEADER)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if not start:
        return "is empty (0 bytes)"
    return None if sniffed(start) else f"is not a {FORMATS_SAID} picture"
