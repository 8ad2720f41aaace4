"""Photos that are almost the same picture as another one."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
from PIL import Image

from lambda_studio.pictures.opening import Photo

NEAR_DUPLICATE = 2.0
"""Mean difference of two pictures' 16 x 16 thumbnails (of 255) below which they are called almost the same."""


def warn_of_near_duplicates(photos: Sequence[Photo]) -> list[Photo]:
    """The photos, each with a warning that names an earlier one which looks almost the same."""
    thumbnails = [np.asarray(photo.image.resize((16, 16), Image.Resampling.BOX), dtype=np.float32) for photo in photos]
    warned = list(photos)
    for first, second in combinations(range(len(photos)), 2):
        if np.abs(thumbnails[first] - thumbnails[second]).mean() < NEAR_DUPLICATE:
            note = f"almost the same picture as {photos[first].path.name}"
            warned[second] = replace(warned[second], warnings=(*warned[second].warnings, note))
    return warned
