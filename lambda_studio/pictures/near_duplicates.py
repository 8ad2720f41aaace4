"""Find photos that are near-duplicates of each other."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
from PIL import Image

from lambda_studio.pictures.opening import Photo

NEAR_DUPLICATE = 2.0
"""Two pictures are near-duplicates if their 16 x 16 thumbnails differ by less (mean, of 255)."""


def warn_of_near_duplicates(photos: Sequence[Photo]) -> list[Photo]:
    """Return the photos, with a warning on each near-duplicate that names the earlier photo."""
    thumbnails = [np.asarray(photo.image.resize((16, 16), Image.Resampling.BOX), dtype=np.float32) for photo in photos]
    warned = list(photos)
    for first, second in combinations(range(len(photos)), 2):
        if np.abs(thumbnails[first] - thumbnails[second]).mean() < NEAR_DUPLICATE:
            note = f"almost the same picture as {photos[first].path.name}"
            warned[second] = replace(warned[second], warnings=(*warned[second].warnings, note))
    return warned
