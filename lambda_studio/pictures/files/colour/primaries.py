"""Colour spaces that are stated by numbers, without a profile: primaries, a white point and a transfer curve.

Sources: PNG (third edition), chunks cICP, cHRM and gAMA; ITU-T H.273 for cICP's numbers; IEC 61966-2-1 for sRGB.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from jaxtyping import Float
from PIL import Image

from lambda_studio.pictures.files.colour.iso_boxes import nclx

D65 = (0.3127, 0.329)
SRGB = (*D65, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
"""x and y of white, red, green and blue, in the order of PNG's cHRM."""
ADOBE = (*D65, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
ADOBE_GAMMA = 563 / 256
PRIMARIES = {
    1: SRGB,
    9: (*D65, 0.708, 0.292, 0.17, 0.797, 0.131, 0.046),
    12: (*D65, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
}
"""By their numbers in H.273: BT.709 and sRGB, BT.2020, Display P3."""
NEAR = 0.005
"""Primaries that differ by less are the same."""
SRGB_GAMMA = (0.43, 0.48)
"""A gAMA between these, with sRGB's primaries, is how encoders state sRGB to old readers."""
Curve = Callable[[Float[np.ndarray, "*n"]], Float[np.ndarray, "*n"]]


def srgb_curve(value: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    """Return the linear light of sRGB values in 0..1."""
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def bt709_curve(value: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    """Return the linear light of BT.709 values in 0..1."""
    return np.where(value < 0.081, value / 4.5, ((value + 0.099) / 1.099) ** (1 / 0.45))


def _gamma(exponent: float) -> Curve:
    return lambda value: value**exponent


CURVES: dict[int, Curve] = {
    1: bt709_curve,
    4: _gamma(2.2),
    5: _gamma(2.8),
    6: bt709_curve,
    8: _gamma(1.0),
    13: srgb_curve,
}
"""By their numbers in H.273. PQ and HLG are missing: they need a choice of how bright white is."""


UNSPECIFIED = 2
"""Of primaries and curves in H.273: taken as sRGB's."""


def code_points(content: bytes) -> tuple[tuple[float, ...], Curve] | None:
    """Return what a PNG's cICP chunk or the nclx of a HEIC or AVIF states, or None without one or if it states sRGB.

    Raises ValueError for numbers that are not known.
    """
    numbers = nclx(content) if content[4:8] == b"ftyp" else _cicp(content)
    if numbers is None:
        return None
    primaries, curve = (
        standard if number == UNSPECIFIED else number for number, standard in zip(numbers, (1, 13), strict=True)
    )
    if (primaries, curve) == (1, 13):
        return None
    if primaries not in PRIMARIES or curve not in CURVES:
        raise ValueError(f"the code points {primaries}/{curve} are not known")
    return PRIMARIES[primaries], CURVES[curve]


def _cicp(content: bytes) -> tuple[int, int] | None:
    at = content.find(b"\0\0\0\x04cICP", 0, max(0, content.find(b"IDAT")))
    return (content[at + 8], content[at + 9]) if content.startswith(b"\x89PNG") and at >= 0 else None


def stated_in_png(info: Mapping[Any, Any]) -> tuple[tuple[float, ...], Curve] | None:
    """Return what a PNG's cHRM and gAMA state, as Pillow reads them, or None if that is sRGB or nothing.

    Raises ValueError for a gAMA that no picture has.
    """
    primaries, gamma = tuple(info.get("chromaticity", SRGB)), info.get("gamma")
    is_srgb = np.abs(np.subtract(primaries, SRGB)).max() < NEAR
    if is_srgb and (gamma is None or SRGB_GAMMA[0] < gamma < SRGB_GAMMA[1]):
        return None
    if gamma is not None and not 0.2 <= gamma <= 2:
        raise ValueError(f"gAMA is {gamma}")
    return primaries, srgb_curve if gamma is None else _gamma(1 / gamma)


def encode_srgb(image: Image.Image, primaries: tuple[float, ...], curve: Curve) -> Image.Image:
    """Convert an RGB picture. Colours outside of sRGB are clipped. Raises ValueError for impossible primaries."""
    linear = curve(np.arange(256) / 255).astype(np.float32)[np.asarray(image)]
    matrix = np.linalg.solve(_to_xyz(SRGB), _to_xyz(primaries)).astype(np.float32)
    light = np.clip(linear @ matrix.T, 0, 1)
    encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return Image.fromarray((255 * encoded + 0.5).astype(np.uint8))


def _to_xyz(primaries: tuple[float, ...]) -> Float[np.ndarray, "3 3"]:
    """Return the matrix from linear RGB to XYZ, for which RGB 1, 1, 1 is white. Whites are not adapted."""
    (xw, yw), *rgb = zip(primaries[::2], primaries[1::2], strict=True)
    columns = np.array([(x, y, 1 - x - y) for x, y in rgb]).T
    if min(yw, *(y for _, y in rgb)) < 0 or abs(np.linalg.det(columns)) < 1e-3 or yw < 1e-3:
        raise ValueError("primaries that span no colours")
    white = np.array([xw / yw, 1, (1 - xw - yw) / yw])
    return columns * np.linalg.solve(columns, white)
