"""Screenshots, which show a photo among bars and buttons."""

import re
from pathlib import Path

from PIL import ExifTags, Image

from lambda_studio.pictures.files.refusals import DECODER_ERRORS

NOTE = "it is a screenshot: if it shows more than the photo, crop it to the photo"
_NAME = re.compile(
    r"(?:screen[ _-]?shot|bildschirmfoto|capture d.écran|captura de pantalla)(?![^\W\d_])", re.IGNORECASE
)
"""How Android, macOS and Windows name screenshots, in four languages."""


def is_named_screenshot(path: Path) -> bool:
    """Return whether a file has the name of a screenshot."""
    return bool(_NAME.match(path.name))


def is_screenshot(image: Image.Image) -> bool:
    """Return whether a loaded picture says that it is a screenshot: in EXIF's UserComment, as iPhones write it.

    A phone's screen size says too little: wallpapers, and photos cropped to the screen, have it too.
    """
    try:
        comment = image.getexif().get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment, b"")
    except DECODER_ERRORS:  # damaged EXIF data says nothing
        return False
    return b"Screenshot" in (comment if isinstance(comment, bytes) else str(comment).encode(errors="replace"))
