"""Find photos that are near-duplicates of each other: copies, other sizes, and the photos of a handheld burst."""

import numpy as np
from jaxtyping import Float32
from PIL import Image

from lambda_studio.pictures.files.opening import Photo

ALMOST = "almost the same picture as "
"""How a warning about a near-duplicate begins. The other photo's name follows."""
MOST = 3
"""How many earlier photos one photo's warnings name."""
SIDE = 16
"""Pictures are compared as thumbnails of this size."""
NEAR_DUPLICATE = 0.22
"""Two pictures are near-duplicates if their thumbnails differ by less, relative to the contrast of each:
`benchmarks/experiments/training_pictures.py` shows how well that tells."""
FAINT = 8
"""The contrast (of 255) below which a picture's noise is not enlarged."""


class NearDuplicates:
    """Remembers the thumbnails of photos, and no photo."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._thumbnails: Float32[np.ndarray, "photo number"] = np.empty((0, SIDE * SIDE * 3), np.float32)

    def warnings(self, photo: Photo) -> tuple[str, ...]:
        """Return warnings that name the first earlier near-duplicates of this photo, and remember this photo."""
        told = self.near(photo.image)
        self.remember(photo.path.name, photo.image)
        return told

    def remember(self, name: str, image: Image.Image) -> None:
        """Remember a picture, so that later ones are compared with it."""
        self._names.append(name)
        self._thumbnails = np.concatenate([self._thumbnails, thumbnail(image)[None]])

    def near(self, image: Image.Image) -> tuple[str, ...]:
        """Return warnings that name the first remembered near-duplicates of a picture."""
        near = differences(thumbnail(image), self._thumbnails) < NEAR_DUPLICATE
        return tuple(f"{ALMOST}{self._names[at]}" for at in np.flatnonzero(near)[:MOST])


def thumbnail(image: Image.Image) -> Float32[np.ndarray, " number"]:
    """Return a picture's thumbnail as a row, with its mean brightness and its contrast taken away."""
    small = np.asarray(image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX), dtype=np.float32)
    return (small - small.mean()).reshape(-1) / np.float32(max(FAINT, small.std()))


def differences(
    new: Float32[np.ndarray, " number"], others: Float32[np.ndarray, "photo number"]
) -> Float32[np.ndarray, " photo"]:
    """Return how much each thumbnail differs from a new one (0: equal pictures; about 1.4: unrelated ones)."""
    return np.sqrt(((others - new) ** 2).mean(axis=1))
