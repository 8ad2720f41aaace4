"""Read a salience map: which pixels are the subject, and is the mask doubtful?"""

from collections.abc import Callable

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8

from lambda_studio.pictures.masks.regions import count_parts, fill_holes, main_parts, overlap

UNDECIDED = 0.17
"""A mask is doubtful if more pixels than this share of it have a probability between 0.1 and 0.9."""
LEFT_OUT = 0.2
"""A mask is doubtful if a larger share of the map's total probability is outside it."""
AT_BORDER, AGREES = 0.05, 0.6
"""A mask on a larger share of the frame (without the bottom) is doubtful if GrabCut overlaps it less than this."""


def salient_subject(
    found: UInt8[np.ndarray, "320 320"], size: tuple[int, int]
) -> tuple[Bool[np.ndarray, "height width"], Bool[np.ndarray, "320 320"]]:
    """Return the subject at a picture's size (width, height), and the same at the map's size.

    Smaller objects beside it, specks and holes are removed. Probabilities are scaled before they are compared with
    one half, which keeps the outline smooth.
    """
    parts = main_parts(found >= 128, share=0.3, spread=0.5)
    small = fill_holes(parts)
    near = cv2.dilate(parts.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    kept = np.where(small & ~parts, np.uint8(255), np.where(near, found, np.uint8(0)))
    return cv2.resize(kept, size, interpolation=cv2.INTER_LINEAR) >= 128, small


def doubts(
    found: UInt8[np.ndarray, "320 320"],
    subject: Bool[np.ndarray, "320 320"],
    by_colour: Callable[[], Bool[np.ndarray, "320 320"]],
) -> tuple[str, ...]:
    """Return the reasons to look at a mask, from the map and, where needed, from GrabCut's mask of the same picture."""
    undecided, left_out, at_border = measures(found, subject)
    parts = count_parts(subject)
    reasons = {
        f"it has {parts} separate parts: is only one of them the subject?": parts > 1,
        "its outline is uncertain": undecided > UNDECIDED,
        "other things stand out too": left_out > LEFT_OUT,
        "it reaches an edge": at_border > AT_BORDER and overlap(subject, by_colour()) < AGREES,
    }
    return tuple(reason for reason, holds in reasons.items() if holds)


def measures(found: UInt8[np.ndarray, "320 320"], subject: Bool[np.ndarray, "320 320"]) -> tuple[float, float, float]:
    """Return what `UNDECIDED`, `LEFT_OUT` and `AT_BORDER` are compared with."""
    probability: Float32[np.ndarray, "320 320"] = found.astype(np.float32) / 255
    area = max(1, (probability >= 0.5).sum())
    undecided = ((probability > 0.1) & (probability < 0.9)).sum() / area
    left_out = probability[~subject].sum() / max(1.0, probability.sum())
    frame = np.ones_like(subject)
    frame[3:, 3:-3] = False
    frame[-3:] = False
    return float(undecided), float(left_out), float(subject[frame].mean())
