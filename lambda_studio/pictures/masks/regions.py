"""Regions of a mask: its main parts, its holes, and shapes that are placed relative to the picture."""

import cv2
import numpy as np
from jaxtyping import Bool, Float


def main_parts(
    subject: Bool[np.ndarray, "height width"], share: float, spread: float
) -> Bool[np.ndarray, "height width"]:
    """Return the parts that weigh at least `share` of the heaviest, without specks and threads.

    A part's weight is its area times a Gaussian of its distance from the centre, `spread` of the picture wide.
    """
    opened = cv2.morphologyEx(subject.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, labels, stats, centres = cv2.connectedComponentsWithStats(opened, connectivity=4)
    if count < 2:
        return np.zeros_like(subject)
    offset = np.linalg.norm(centres[1:] / subject.shape[::-1] - 0.5, axis=1)
    weight = stats[1:, cv2.CC_STAT_AREA] * np.exp(-((offset / spread) ** 2))
    return np.isin(labels, 1 + np.flatnonzero(weight >= share * weight.max()))


def count_parts(subject: Bool[np.ndarray, "height width"]) -> int:
    """Return the number of separate parts. `main_parts` has removed small ones."""
    return int(cv2.connectedComponents(subject.astype(np.uint8), connectivity=8)[0]) - 1


def fill_holes(subject: Bool[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    """Add every background area that does not touch the picture's edge to the subject."""
    background = np.pad(~subject, 1, constant_values=True).astype(np.uint8)
    _, labels = cv2.connectedComponents(background, connectivity=4)
    return (labels != labels[0, 0])[1:-1, 1:-1]


def frame(shape: tuple[int, ...], share: float) -> Bool[np.ndarray, "height width"]:
    """Return a frame, `share` of the longer side wide. It is open at the bottom, where subjects leave the picture."""
    height, width = shape
    thickness = max(1, round(share * max(shape)))
    edge = np.ones(shape, dtype=bool)
    edge[thickness:-thickness, thickness:-thickness] = False
    edge[height // 2 :, width // 5 : width - width // 5] = False
    return edge


def centred(shape: tuple[int, ...]) -> tuple[Float[np.ndarray, "height width"], Float[np.ndarray, "height width"]]:
    """Return x and y of each pixel, from -1 to 1."""
    axes = [((2 * np.arange(length) + 1) / length - 1).astype(np.float32) for length in shape[:2]]
    y, x = np.meshgrid(*axes, indexing="ij")
    return x, y


def ellipse(shape: tuple[int, ...], radius: float) -> Bool[np.ndarray, "height width"]:
    """Return an ellipse in the middle of the picture; radius 1 touches its edges."""
    x, y = centred(shape)
    return x**2 + y**2 <= radius**2


def overlap(one: Bool[np.ndarray, "height width"], other: Bool[np.ndarray, "height width"]) -> float:
    """Return intersection over union."""
    return float((one & other).sum() / max(1, (one | other).sum()))
