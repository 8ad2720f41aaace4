"""Find photos that are near-duplicates of each other."""

import numpy as np
from jaxtyping import Float32
from PIL import Image

from lambda_studio.pictures.files.opening import Photo

ALMOST = "almost the same picture as "
"""How a warning about a near-duplicate begins. The other photo's name follows."""
MOST = 3
"""How many earlier photos one photo's warnings name."""
NEAR_DUPLICATE = 2.0
"""Two pictures are near-duplicates if their 16 x 16 thumbnails differ by less (mean, of 255)."""


class NearDuplicates:
    """Remembers the thumbnails of photos, and no photo."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._thumbnails: Float32[np.ndarray, "photo number"] = np.empty((0, 16 * 16 * 3), np.float32)

    def warnings(self, photo: Photo) -> tuple[str, ...]:
        """Return warnings that name the first earlier near-duplicates of this photo, and remember this photo."""
        told = self.near(photo.image)
        self.remember(photo.path.name, photo.image)
        return told

    def remember(self, name: str, image: Image.Image) -> None:
        """Remember a picture, so that later ones are compared with it."""
        self._names.append(name)
        self._thumbnails = np.concatenate([self._thumbnails, _thumbnail(image)])

    def near(self, image: Image.Image) -> tuple[str, ...]:
        """Return warnings that name the first remembered near-duplicates of a picture."""
        near = np.abs(self._thumbnails - _thumbnail(image)).mean(axis=1) < NEAR_DUPLICATE
        return tuple(f"{ALMOST}{self._names[at]}" for at in np.flatnonzero(near)[:MOST])


def _thumbnail(image: Image.Image) -> Float32[np.ndarray, "1 number"]:
    return np.asarray(image.resize((16, 16), Image.Resampling.BOX), dtype=np.float32).reshape(1, -1)
