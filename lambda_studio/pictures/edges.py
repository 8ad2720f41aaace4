"""The edges of a picture, as the λ prior takes them for its control token."""

import cv2
import numpy as np
from PIL import Image

from lambda_studio.pictures.crops import square_crop

LOW, HIGH = 100, 200
"""Canny's thresholds in the published code."""


def edge_map(image: Image.Image, resolution: int, size: int) -> Image.Image:
    """White Canny edges on black: found at `resolution` pixels, given at `size`."""
    edges = cv2.Canny(np.asarray(square_crop(image, resolution)), LOW, HIGH)
    return Image.fromarray(edges).resize((size, size), Image.Resampling.BICUBIC).convert("RGB")
