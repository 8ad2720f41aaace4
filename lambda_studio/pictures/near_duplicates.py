"""Find photos that are near-duplicates of each other: copies, other sizes, and the photos of a handheld burst."""

import re
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32
from PIL import Image

from lambda_studio.pictures.files.opening import Photo

ALMOST = "almost the same picture as "
"""How a warning about a near-duplicate begins. The other photo's name and the start of its hash follow."""
_OTHER = re.compile(rf"{ALMOST}(?P<name>.*?)(?: #(?P<sha>[0-9a-f]{{12}}))?", re.DOTALL)
"""Earlier versions stored no hash."""
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
        self._said: list[str] = []
        self._thumbnails: Float32[np.ndarray, "photo number"] = np.empty((0, SIDE * SIDE * 3), np.float32)

    def warnings(self, photo: Photo, sha: str) -> tuple[str, ...]:
        """Return warnings that name the first earlier near-duplicates of this photo, and remember this photo.

        Args:
            sha: the hash of its stored picture.
        """
        told = self.near(photo.image)
        self.remember(photo.path.name, sha, photo.image)
        return told

    def remember(self, name: str, sha: str, image: Image.Image) -> None:
        """Remember a picture, so that later ones are compared with it."""
        self._said.append(f"{ALMOST}{name} #{sha[:12]}")
        self._thumbnails = np.concatenate([self._thumbnails, thumbnail(image)[None]])

    def near(self, image: Image.Image) -> tuple[str, ...]:
        """Return warnings that name the first remembered near-duplicates of a picture."""
        near = differences(thumbnail(image), self._thumbnails) < NEAR_DUPLICATE
        return tuple(self._said[at] for at in np.flatnonzero(near)[:MOST])


def other_in(text: str, pictures: Sequence[tuple[str, str]]) -> int | None:
    """Return the number, from 1, of the other picture that a warning names; None for other texts, and if it is gone.

    Args:
        pictures: the name and the hash of each picture. Names may be equal; then the hash decides.
    """
    if (said := _OTHER.fullmatch(text)) is None:
        return None
    for number, (name, sha) in enumerate(pictures, start=1):
        if sha.startswith(said["sha"]) if said["sha"] else name == said["name"]:
            return number
    return None


def thumbnail(image: Image.Image) -> Float32[np.ndarray, " number"]:
    """Return a picture's thumbnail as a row, with its mean brightness and its contrast taken away."""
    small = np.asarray(image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX), dtype=np.float32)
    return (small - small.mean()).reshape(-1) / np.float32(max(FAINT, small.std()))


def differences(
    new: Float32[np.ndarray, " number"], others: Float32[np.ndarray, "photo number"]
) -> Float32[np.ndarray, " photo"]:
    """Return how much each thumbnail differs from a new one (0: equal pictures; about 1.4: unrelated ones)."""
    return np.sqrt(((others - new) ** 2).mean(axis=1))
