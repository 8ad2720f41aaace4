"""A small picture whose turns and flips are seen, and how tests write and read it."""

from pathlib import Path

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 48, 40


def pattern(width: int = WIDTH, height: int = HEIGHT) -> Image.Image:
    """Smooth colours that differ at every corner, so that a turn or a flip is seen."""
    y, x = np.mgrid[:height, :width]
    rgb = np.stack([255 * x / width, 255 * y / height, 128 + 100 * (x + y) / (width + height)], axis=-1)
    return Image.fromarray(rgb.astype(np.uint8))


def written(path: Path, image: Image.Image, **options) -> Path:
    """Save a picture, and return where."""
    image.save(path, **options)
    return path


def pixels(image: Image.Image) -> np.ndarray:
    """Return a picture's values, so that they can be subtracted."""
    return np.asarray(image).astype(int)
