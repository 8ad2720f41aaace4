"""Convert a decoded picture's colours to 8 bits a channel, alpha and sRGB."""

import io

import numpy as np
from PIL import Image, ImageCms

from lambda_studio.pictures.refusals import DECODER_ERRORS

WHITE = (255, 255, 255)


def eight_bit_colour(clear: int | tuple[int, ...], depth: int) -> int | tuple[int, ...]:
    """Convert a PNG's transparent grey or RGB from the file's bit depth to 8 bits.

    Pillow converts the pixels but not this colour. Of 16-bit RGB, Pillow keeps only the upper 8 bits.
    """
    if isinstance(clear, int):
        return (clear % 2**depth) * 255 // (2**depth - 1)
    return tuple(value >> 8 if depth == 16 else value % 256 for value in clear)


def eight_bits(image: Image.Image) -> Image.Image:
    """Return the picture as L, LA, RGB, RGBA or CMYK, with 8 bits a channel and transparency as alpha."""
    if image.mode.startswith("I"):  # 16-bit grey: Pillow's own conversion turns it white
        grey = np.asarray(image)
        high = Image.fromarray((grey.astype(np.uint32) >> 8).astype(np.uint8))
        if (clear := image.info.get("transparency")) is not None:
            high.putalpha(Image.fromarray(np.where(grey == clear, 0, 255).astype(np.uint8)))
        return high
    if image.has_transparency_data:
        return image if image.mode in ("RGBA", "LA") else image.convert("RGBA")
    return image if image.mode in ("L", "RGB", "CMYK") else image.convert("RGB")


def to_srgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, tuple[str, ...]]:
    """Return the picture in sRGB, and warnings. Without a colour profile, Pillow's plain conversion is used."""
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
    assert converted is not None  # Pillow returns None only when converting in place
    return converted, ()
