"""Screenshots, which show a photo among bars and buttons."""

import re
from pathlib import Path

from PIL import ExifTags, Image

from lambda_studio.pictures.files.refusals import DECODER_ERRORS

CROP = "if it shows more than the photo, crop it to the photo"
NOTE = f"it is a screenshot: {CROP}"
LIKELY = f"it has the size of a phone's or tablet's screen, as screenshots have: {CROP}"
ABOUT_SCREENSHOTS = (NOTE, LIKELY)
_NAME = re.compile(
    r"(?:screen[ _-]?shot|bildschirmfoto|capture d.écran|captura de pantalla)(?![^\W\d_])", re.IGNORECASE
)
"""How Android, macOS and Windows name screenshots, in four languages."""
_SIZES = """
    640x1136 750x1334 828x1792 1125x2436 1170x2532 1179x2556 1206x2622 1242x2208 1242x2688 1260x2736 1284x2778 1290x2796
    1320x2868
    1488x2266 1620x2160 1640x2360 1668x2224 1668x2388 1668x2420 2048x2732 2064x2752
    720x1520 720x1560 720x1600 720x1612 1080x2040 1080x2160 1080x2220 1080x2244 1080x2246 1080x2280 1080x2310 1080x2316
    1080x2336 1080x2340 1080x2376 1080x2388 1080x2392 1080x2400 1080x2408 1080x2412 1080x2424 1080x2448 1080x2460
    1080x2520 1080x2640 1116x2480 1200x2670 1220x2712 1224x2700 1240x2772 1260x2800 1264x2780 1280x2856 1344x2992
    1440x2880 1440x2960 1440x2992 1440x3040 1440x3088 1440x3120 1440x3168 1440x3200 1440x3216 1644x3840 1800x2880
    1848x2960
"""
"""Screens of iPhones, iPads and Android phones and tablets, in pixels, upright."""
SCREENS = frozenset((int(width), int(height)) for width, height in (each.split("x") for each in _SIZES.split()))
"""Left out are the sizes that cameras, videos and image generators have too: 768 x 1024, 1536 x 2048, 1080 x 1920."""
_CAMERA = (ExifTags.Base.Make, ExifTags.Base.Model)


def is_named_screenshot(path: Path) -> bool:
    """Return whether a file has the name of a screenshot."""
    return bool(_NAME.match(path.name))


def screenshot_note(image: Image.Image, size: tuple[int, int]) -> str | None:
    """Return the note about a loaded picture that is a screenshot, or probably one; None for other pictures.

    EXIF's UserComment says so, as iPhones write it. A PNG of exactly a screen's `size` is probably one: photos, also
    those that are cropped to the screen, are no PNG, or have their camera in EXIF.
    """
    try:
        exif = image.getexif()
        comment = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment, b"")
        has_camera = any(tag in exif for tag in _CAMERA)
    except DECODER_ERRORS:  # damaged EXIF data says nothing
        return None
    if b"Screenshot" in (comment if isinstance(comment, bytes) else str(comment).encode(errors="replace")):
        return NOTE
    is_screen = (min(size), max(size)) in SCREENS
    return LIKELY if image.format == "PNG" and is_screen and not has_camera else None
