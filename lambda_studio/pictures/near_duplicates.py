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
"""Pictures are compared as thumbnails of this size, without the outermost pixels."""
NEAR_DUPLICATE = 0.15
"""Two pictures are near-duplicates if a smaller difference is left, relative to their contrast, when a small motion and
another exposure are taken away: `benchmarks/experiments/training_pictures.py` shows how well that tells."""
FAINT = 8
"""The contrast (of 255) below which a picture's noise is not enlarged."""
INSIDE = (SIDE - 2) ** 2 * 3
LIMITS = np.array([1.5, 1.5, 0.1, 0.1], np.float32)
"""The largest motion: shifts in pixels of the thumbnail, the turn in radians, and the zoom."""


class NearDuplicates:
    """Remembers the thumbnails of photos, and no photo."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._thumbnails: Float32[np.ndarray, "photo number"] = np.empty((0, INSIDE), np.float32)

    def warnings(self, photo: Photo) -> tuple[str, ...]:
        """Return warnings that name the first earlier near-duplicates of this photo, and remember this photo."""
        told = self.near(photo.image)
        self.remember(photo.path.name, photo.image)
        return told

    def remember(self, name: str, image: Image.Image) -> None:
        """Remember a picture, so that later ones are compared with it."""
        self._names.append(name)
        self._thumbnails = np.concatenate([self._thumbnails, inside(thumbnail(image))[None]])

    def near(self, image: Image.Image) -> tuple[str, ...]:
        """Return warnings that name the first remembered near-duplicates of a picture."""
        near = differences(thumbnail(image), self._thumbnails) < NEAR_DUPLICATE
        return tuple(f"{ALMOST}{self._names[at]}" for at in np.flatnonzero(near)[:MOST])


def thumbnail(image: Image.Image) -> Float32[np.ndarray, "side side 3"]:
    """Return a picture's thumbnail, with its mean brightness and its contrast taken away."""
    small = np.asarray(image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX), dtype=np.float32)
    return (small - small.mean()) / np.float32(max(FAINT, small.std()))


def differences(
    new: Float32[np.ndarray, "side side 3"], others: Float32[np.ndarray, "photo number"]
) -> Float32[np.ndarray, " photo"]:
    """Return how much each picture differs from a new one where no small shift, turn or zoom explains it.

    To first order, such a motion changes a picture by a sum of four pictures, which its gradient gives. The difference
    is taken without the sum that fits best, within `LIMITS` (0: equal pictures; about 1.4: unrelated ones).
    """
    motions, difference = _motions(new), others - inside(new)
    amounts = np.clip(np.linalg.lstsq(motions, difference.T, rcond=None)[0].T, -LIMITS, LIMITS)
    return np.sqrt(((difference - amounts @ motions.T) ** 2).mean(axis=1))


def _motions(picture: Float32[np.ndarray, "side side 3"]) -> Float32[np.ndarray, "number 4"]:
    """Return the change of a picture that is shifted right and down, turned and enlarged, each by a little."""
    down, right = np.gradient(picture, axis=(0, 1))
    at = np.arange(SIDE, dtype=np.float32) - (SIDE - 1) / 2
    y, x = at[:, None, None], at[None, :, None]
    return np.stack([*map(inside, (right, down, x * down - y * right, x * right + y * down))], axis=1)


def inside(picture: Float32[np.ndarray, "side side 3"]) -> Float32[np.ndarray, " number"]:
    """Return the numbers of a thumbnail without its outermost pixels, where its gradient is one-sided."""
    return picture[1:-1, 1:-1].reshape(-1)
