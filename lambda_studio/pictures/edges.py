"""Draw edge maps of pictures. The λ prior's control token is the embedding of an edge map."""

from collections.abc import Callable

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from lambda_studio.pictures.crops import square_crop

Pixels = UInt8[np.ndarray, "height width 3"]
Lines = UInt8[np.ndarray, "height width"]
"""255 on a line, 0 elsewhere."""

Thresholds = tuple[int, int]
"""The lower and the upper threshold of Canny's gradients."""
LOW, HIGH = 100, 200
"""Canny's thresholds in the published code."""
GRADIENT = 0.12
"""The gradient's threshold as a share of white. The miniature was trained with it (docs/decisions/0029)."""


def canny(pixels: Pixels, thresholds: Thresholds = (LOW, HIGH)) -> Lines:
    """Draw Canny's edges, one pixel wide: those above the second threshold, and what continues them above the first."""
    import cv2  # not at the top: `gradient` does without it

    return cv2.Canny(pixels, *thresholds)


def gradient(pixels: Pixels) -> Lines:
    """Draw every pixel whose brightness differs from its right and lower neighbours' by more than `GRADIENT`."""
    bright = pixels.sum(axis=-1, dtype=np.int32)
    to_right = np.abs(np.diff(bright, axis=1, append=bright[:, -1:]))
    to_lower = np.abs(np.diff(bright, axis=0, append=bright[-1:]))
    return np.where(to_right + to_lower > 3 * 255 * GRADIENT, 255, 0).astype(np.uint8)


EDGE_MAPS: dict[str, Callable[[Pixels], Lines]] = {"canny": canny, "gradient": gradient}
"""The edge maps by name, as in a stack (`StackSpec.edges`) and a recipe (`RecipeConfig.edges`)."""


def edge_map(
    image: Image.Image, name: str, resolution: int, size: int, thresholds: Thresholds | None = None
) -> Image.Image:
    """Return the edges of a picture's middle square at `resolution`, white on black, resized to `size`.

    `thresholds` are for `canny` alone.
    """
    pixels = np.asarray(square_crop(image, resolution))
    lines = canny(pixels, thresholds) if name == "canny" and thresholds else EDGE_MAPS[name](pixels)
    return Image.fromarray(lines).resize((size, size), Image.Resampling.BICUBIC).convert("RGB")
