"""Tell blurred pictures from sharp ones, without a reference."""

import cv2
import numpy as np
from jaxtyping import Float32
from PIL import Image

SIDE = 512
"""Larger pictures are compared at this size: what the decoder draws has no more detail."""
WIDTH = 11
"""The width in pixels of the blur that a picture is compared with."""
BLURRED = 0.55
"""A subject with a larger blur is blurred: `benchmarks/experiments/training_pictures.py` shows how well that tells."""
BLURRED_SAID = "its subject is blurred"


def blur(image: Image.Image, mask: Image.Image | None = None) -> float:
    """Return how blurred the subject's box is, from 0 (sharp) to 1: Crête et al., "The blur effect" (2007).

    A sharp picture loses much contrast between neighbouring pixels when it is blurred again, a blurred one little. The
    larger value of both directions counts, so that motion blur is seen.
    """
    box = mask.point(lambda value: 255 * (value >= 128)).getbbox() if mask else None
    part = image.crop(box) if box else image
    grey = np.asarray(_small(part).convert("L"), dtype=np.float32)
    return max(_along(grey), _along(np.ascontiguousarray(grey.T)))


def blur_warnings(image: Image.Image, mask: Image.Image | None) -> tuple[str, ...]:
    """Return a warning if the subject of a picture is blurred."""
    return (BLURRED_SAID,) if blur(image, mask) > BLURRED else ()


def _small(image: Image.Image) -> Image.Image:
    small = image.copy()
    small.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    return small


def _along(grey: Float32[np.ndarray, "height width"]) -> float:
    """Return the share of the contrast along rows that stays when the rows are blurred."""
    again = cv2.blur(grey, (WIDTH, 1))
    before, after = np.abs(np.diff(grey)), np.abs(np.diff(again))
    total = float(before.sum())
    return 1 - float(np.maximum(before - after, 0).sum()) / total if total else 0.0
