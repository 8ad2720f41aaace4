"""Convert a decoded picture's colours to 8 bits a channel, alpha and sRGB."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import ExifTags, Image, ImageCms

from lambda_studio.pictures.files.colour.primaries import (
    ADOBE,
    ADOBE_GAMMA,
    Curve,
    code_points,
    encode_srgb,
    stated_in_png,
)
from lambda_studio.pictures.files.refusals import DECODER_ERRORS

WHITE = (255, 255, 255)
SAME = 2
"""Two colours (of 255 levels) that differ by at most this much are the same, when a profile is compared with sRGB."""
TWELVE_BITS = 4095
UNUSABLE = "its colour profile cannot be used and was ignored"
CAMERA_ADOBE: tuple[tuple[float, ...], Curve] = (ADOBE, lambda value: value**ADOBE_GAMMA)


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
        grey = np.asarray(image).astype(np.uint32)
        # Scanners and cameras store 12 bits in 16: shifted by 8, they would be nearly black.
        high = Image.fromarray((grey >> (4 if grey.max() <= TWELVE_BITS else 8)).astype(np.uint8))
        if (clear := image.info.get("transparency")) is not None:
            high.putalpha(Image.fromarray(np.where(grey == clear, 0, 255).astype(np.uint8)))
        return high
    if image.has_transparency_data:
        return image if image.mode in ("RGBA", "LA") else image.convert("RGBA")
    return image if image.mode in ("L", "RGB", "CMYK") else image.convert("RGB")


@dataclass(frozen=True)
class Stated:
    """What a file states of its colours: a profile, or primaries and a curve, or neither for sRGB; and warnings."""

    profile: bytes | None = None
    numbers: tuple[tuple[float, ...], Curve] | None = None
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, image: Image.Image, content: bytes) -> "Stated":
        """Read it in PNG's order: cICP, a profile, sRGB, cHRM and gAMA; then a camera's Adobe RGB.

        In HEIC and AVIF a profile outweighs the code points.
        """
        try:
            profile = image.info.get("icc_profile")
            coded = None if profile and image.format in ("HEIF", "AVIF") else code_points(content)
            profile = None if coded else profile
            if coded or profile or "srgb" in image.info:
                return cls(profile, coded)
            return cls(None, stated_in_png(image.info) or (CAMERA_ADOBE if _is_camera_adobe(image) else None))
        except ValueError:  # numbers that no picture has
            return cls(warnings=(UNUSABLE,))


def to_srgb(image: Image.Image, stated: Stated) -> tuple[Image.Image, tuple[str, ...]]:
    """Return the picture in sRGB, and warnings. Colours that are stated in no way are taken as sRGB."""
    colours = image.convert({"RGBA": "RGB", "LA": "L"}.get(image.mode, image.mode))
    try:
        if stated.profile:
            return _by_profile(colours, stated.profile), stated.warnings
        if stated.numbers:
            return encode_srgb(colours.convert("RGB"), *stated.numbers), stated.warnings
        return colours.convert("RGB"), stated.warnings
    except (ImageCms.PyCMSError, *DECODER_ERRORS):
        return colours.convert("RGB"), (UNUSABLE,)


def _by_profile(colours: Image.Image, profile: bytes) -> Image.Image:
    """Convert by a profile. A profile that changes no colour by more than `SAME` is sRGB, whatever its name."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    target = ImageCms.createProfile("sRGB")
    if colours.mode == "RGB":
        levels = np.arange(0, 256, 51, dtype=np.uint8)
        lattice = Image.fromarray(np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(6, 36, 3))
        probe = ImageCms.profileToProfile(lattice, source, target, outputMode="RGB")
        if np.abs(np.asarray(probe).astype(int) - np.asarray(lattice)).max() <= SAME:
            return colours
    converted = ImageCms.profileToProfile(colours, source, target, outputMode="RGB")
    assert converted is not None  # Pillow returns None only when converting in place
    return converted


def _is_camera_adobe(image: Image.Image) -> bool:
    """Return whether a camera says Adobe RGB, as DCF has it: ColorSpace 65535 and interoperability R03."""
    try:
        exif = image.getexif()
        space = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.ColorSpace)
        return space == 65535 and str(exif.get_ifd(ExifTags.IFD.Interop).get(1, "")).startswith("R03")
    except DECODER_ERRORS:  # damaged EXIF data says nothing about colours
        return False
