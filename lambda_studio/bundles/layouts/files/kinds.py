"""What a file is for an import, by its name: a picture that can be opened, one that cannot, or something beside it."""

from pathlib import Path, PurePath

from lambda_studio.pictures.files.formats import FORMATS_SAID, PICTURE_SUFFIXES, sniffed

PICTURES = frozenset(PICTURE_SUFFIXES)
"""The suffixes of pictures that can be opened."""
_COMMON = """
    .heic .heif .hif .avif .tif .tiff .bmp .dib .gif .jxl .jp2 .svg .psd .xcf .ico .tga .ppm .pgm .exr .hdr
    .dng .raw .cr2 .cr3 .nef .arw .orf .rw2 .raf .pef
"""
FOREIGN = frozenset(_COMMON.split()) - PICTURES
"""The suffixes of pictures that cannot be opened."""
HEADER = 256
"""The bytes that tell a picture's format."""
CAPTIONS = frozenset({".txt", ".caption", ".caption2", ".tags"})
VIDEOS = frozenset({".mov", ".mp4", ".m4v", ".avi", ".mkv", ".webm", ".3gp", ".aae"})


def is_picture(path: PurePath) -> bool:
    """Return whether a file's name says that it is a picture that can be opened."""
    return path.suffix.lower() in PICTURES


def is_foreign(path: PurePath) -> bool:
    """Return whether a file's name says that it is a picture that cannot be opened."""
    return path.suffix.lower() in FOREIGN


def kind_of(path: PurePath) -> str:
    """Return why a file that is no subject's picture or mask is left aside."""
    suffix = path.suffix.lower()
    if suffix in CAPTIONS:
        return "captions and other texts"
    if suffix in VIDEOS:
        return "videos and what belongs to them"
    if suffix in PICTURES | FOREIGN:
        return "pictures that belong to no subject"
    return "not pictures"


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
