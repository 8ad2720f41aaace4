"""Tell transparency that frames a picture (a window, a circle, rounded corners) from a cut-out of its subject."""

import math

import cv2
import numpy as np
from jaxtyping import Bool

from lambda_studio.pictures.masks.regions import overlap

SIDE = 256
"""Shapes are compared at this size."""
FITS = 0.985
"""The opaque part is a frame if it overlaps such a shape by this much (intersection over union)."""


def is_frame(opaque: Bool[np.ndarray, "height width"]) -> bool:
    """Return whether the opaque part is a rectangle, a rounded rectangle or an ellipse, upright."""
    rows, columns = np.flatnonzero(opaque.any(axis=1)), np.flatnonzero(opaque.any(axis=0))
    if not len(rows):
        return False
    part = opaque[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = (min(length, SIDE) for length in part.shape)
    small = cv2.resize(part.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA) >= 0.5
    return any(overlap(small, shape) >= FITS for shape in (_ellipse(small.shape), _rounded(part)))


def _ellipse(shape: tuple[int, ...]) -> Bool[np.ndarray, "height width"]:
    """Return the ellipse that touches all sides."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    return np.hypot((2 * x + 1) / shape[1] - 1, (2 * y + 1) / shape[0] - 1) <= 1


def _rounded(part: Bool[np.ndarray, "height width"]) -> Bool[np.ndarray, "small_height small_width"]:
    """Return the rectangle around a part whose round corners leave out as much area as the part does."""
    height, width = part.shape
    clear = (1 - part.mean()) * height * width
    radius = min(math.sqrt(clear / (4 - math.pi)), min(height, width) / 2)
    rows, columns = min(height, SIDE), min(width, SIDE)
    y, x = (np.ogrid[:rows, :columns][0] + 0.5) * height / rows, (np.ogrid[:rows, :columns][1] + 0.5) * width / columns
    into_y, into_x = (radius - np.minimum(y, height - y)).clip(0), (radius - np.minimum(x, width - x)).clip(0)
    return np.hypot(into_y, into_x) <= radius
