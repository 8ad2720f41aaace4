"""Set cut-out subjects beside each other, for pictures of two subjects to learn from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

FOUND = 127
"""The mask's value above which a pixel is the subject's, of 255."""
LEAST = 0.005
"""The least share of a picture that a subject has, to be cut out."""
LARGEST = 0.42
"""The longer side of a subject, as a share of the picture's."""
MIDDLES = (0.27, 0.73)
"""Where the middles of the two subjects are from left to right, as shares of the width."""
GROUND = 0.86
"""Where the subjects stand, as a share of the height from above."""
WANDER = 0.04
"""How far a subject may be from its position, as a share of the picture."""


@dataclass(frozen=True)
class CutOut:
    """A subject's part of a picture: the box around it, its mask there, and the mean colour of what is around it."""

    image: Image.Image
    mask: Image.Image
    around: tuple[int, int, int]

    def mirrored(self) -> "CutOut":
        """Return the mirror image."""
        return CutOut(ImageOps.mirror(self.image), ImageOps.mirror(self.mask), self.around)


def cut(image: Image.Image, mask: Image.Image, most: int) -> CutOut | None:
    """Cut a subject out of an RGB picture by a mask of the same size (L). None if the mask is empty, or nearly so.

    The cut-out has at most `most` pixels on a side.
    """
    box = mask.point(lambda value: 255 * (value > FOUND)).getbbox()
    if box is None or np.mean(np.asarray(mask) > FOUND) < LEAST:
        return None
    outside = np.asarray(image)[np.asarray(mask) <= FOUND]
    mean = outside.mean(0) if len(outside) else np.full(3, 255.0)
    red, green, blue = (round(float(value)) for value in mean)
    parts = image.crop(box), mask.crop(box)
    for part in parts:
        part.thumbnail((most, most), Image.Resampling.LANCZOS)
    return CutOut(*parts, (red, green, blue))


def beside(subjects: Sequence[CutOut], side: int, dice: Sequence[float]) -> tuple[Image.Image, Image.Image]:
    """Return a square picture of two subjects from left to right, and the mask of both.

    They stand on one ground, before the mean colour around the first subject, and face as in their cut-outs.

    Args:
        subjects: Two cut-outs.
        side: The pixels of the picture on a side.
        dice: Two numbers in 0..1 for each subject, which say how far it is from its position.
    """
    picture, mask = Image.new("RGB", (side, side), subjects[0].around), Image.new("L", (side, side))
    for number, (subject, middle) in enumerate(zip(subjects, MIDDLES, strict=True)):
        scale = LARGEST * side / max(subject.image.size)
        width, height = (max(1, round(length * scale)) for length in subject.image.size)
        aside, up = (WANDER * (2 * value - 1) for value in dice[2 * number : 2 * number + 2])
        at = (round((middle + aside) * side - width / 2), round((GROUND + up) * side - height))
        shape = subject.mask.resize((width, height), Image.Resampling.BOX)
        picture.paste(subject.image.resize((width, height), Image.Resampling.LANCZOS), at, shape)
        mask.paste(shape, at, shape)
    return picture, mask
