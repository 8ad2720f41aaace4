"""Parts of a picture: its middle, the part with most of the subject, and squares around the subject."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int
from PIL import Image, ImageOps

NUMBER = r"\d{1,6}"
SAID = re.compile(rf"({NUMBER}),({NUMBER}),({NUMBER})(?:,({NUMBER}))?( mirrored)?", re.ASCII)
WHITE_FROM = 128
"""The least value of a mask's pixel that is the subject."""
NEAR = 0.98
"""Parts with this share of the most pixels have as much of the subject: a few pixels of a mask may be wrong."""
MARGIN = 0.25
"""The closest crop is longer than the subject by this share."""


@dataclass(frozen=True)
class Crop:
    """A part of a picture, in its pixels. `mirrored` swaps left and right. As text, a square has three numbers."""

    left: int
    top: int
    width: int
    height: int
    mirrored: bool = False

    @classmethod
    def square(cls, left: int, top: int, side: int, mirrored: bool = False) -> "Crop":
        """Return a square."""
        return cls(left, top, side, side, mirrored)

    def __str__(self) -> str:
        lengths = f"{self.width}" if self.width == self.height else f"{self.width},{self.height}"
        return f"{self.left},{self.top},{lengths}" + " mirrored" * self.mirrored

    @classmethod
    def find(cls, text: str) -> "Crop | None":
        """Return the crop that `str` of it says, or None if the text is of none."""
        said = SAID.fullmatch(text)
        if said is None or said[4] == said[3]:
            return None
        return cls(int(said[1]), int(said[2]), int(said[3]), int(said[4] or said[3]), bool(said[5]))

    def is_inside(self, size: tuple[int, int]) -> bool:
        """Return whether a picture of this width and height has this part."""
        some = self.width > 0 and self.height > 0
        return some and self.left + self.width <= size[0] and self.top + self.height <= size[1]

    def cut(self, image: Image.Image) -> Image.Image:
        """Return this part of an image, in the image's mode and pixels."""
        part = image.crop((self.left, self.top, self.left + self.width, self.top + self.height))
        return ImageOps.mirror(part) if self.mirrored else part


@dataclass(frozen=True, eq=False)
class Extent:
    """Where the subject of a picture is: the numbers of white pixels in each column and each row of its mask."""

    columns: Int[np.ndarray, " width"]
    rows: Int[np.ndarray, " height"]

    @classmethod
    def of(cls, mask: Image.Image) -> "Extent":
        """Return the extent of the white part of a mask."""
        white = np.asarray(mask.convert("L")) >= WHITE_FROM
        return cls(white.sum(0), white.sum(1))

    @property
    def box(self) -> tuple[int, int, int, int] | None:
        """Left, top, right and bottom of the subject, or None if nothing is white."""
        across, down = np.flatnonzero(self.columns), np.flatnonzero(self.rows)
        if not len(across):
            return None
        return int(across[0]), int(down[0]), int(across[-1]) + 1, int(down[-1]) + 1

    @property
    def pixels(self) -> int:
        """The number of the subject's pixels."""
        return int(self.columns.sum())

    def inside(self, crop: Crop) -> "Extent":
        """Return the extent in a crop that cuts the subject at most in one direction."""
        columns = self.columns[crop.left : crop.left + crop.width]
        return Extent(columns, self.rows[crop.top : crop.top + crop.height])

    def share_in(self, crop: Crop) -> float:
        """Return the share of the subject in a crop that cuts it at most in one direction; 0 without a subject."""
        part = self.inside(crop)
        return float(min(part.columns.sum(), part.rows.sum()) / max(1, self.pixels))


def middle_crop(width: int, height: int, shape: tuple[int, int] = (1, 1)) -> Crop:
    """Return the largest middle part of a picture with the width to height of `shape`: its middle square."""
    across, down = shape
    wide, high = min(width, max(1, round(height * across / down))), min(height, max(1, round(width * down / across)))
    return Crop((width - wide) // 2, (height - high) // 2, wide, high)


def main_crop(width: int, height: int, subject: Extent | None, shape: tuple[int, int] = (1, 1)) -> Crop:
    """Return the largest part of this shape that has most of the subject, with the subject in its middle if it can be.

    Of a picture without a subject it is the middle.
    """
    middle = middle_crop(width, height, shape)
    if subject is None or subject.box is None:
        return middle
    left, top = _start(middle.width, subject.columns), _start(middle.height, subject.rows)
    return replace(middle, left=left, top=top)


def _start(length: int, pixels: Int[np.ndarray, " side"]) -> int:
    """Return the start of the part of `length` with most pixels; of near equals, that with their mean in the middle."""
    before = np.concatenate([[0], np.cumsum(pixels)])
    starts = np.arange(len(pixels) - length + 1)
    inside = before[starts + length] - before[starts]
    best = np.flatnonzero(inside >= NEAR * inside.max())
    centred = np.average(np.arange(len(pixels)) + 0.5, weights=pixels) - length / 2
    return int(best[np.abs(best - centred).argmin()])


def bucket_of(width: int, height: int, resolution: int, step: int) -> tuple[int, int]:
    """Return the width and height, of all buckets, that a picture's middle loses least for.

    A bucket's sides are multiples of `step`, its area is at most that of a square of `resolution`, and one side is at
    most twice as long as the other.
    """
    buckets = [(resolution, resolution)]
    for long in range(step, 2 * resolution, step):
        short = resolution * resolution // long // step * step
        if short < long <= 2 * short:
            buckets += [(long, short), (short, long)]

    def lost(bucket: tuple[int, int]) -> float:
        ratio = (width * bucket[1]) / (height * bucket[0])
        return max(ratio, 1 / ratio)

    return min(buckets, key=lost)


def subject_box(mask: Image.Image) -> tuple[int, int, int, int] | None:
    """Return left, top, right and bottom of the white part of a mask, or None if nothing is white."""
    return Extent.of(mask).box


def subject_crops(subject: Extent, count: int, least: int) -> Iterator[Crop]:
    """Iterate over `count` squares around the subject, from close to nearly the whole picture, all inside the picture.

    Their sides are in a geometric series. They may be equal, where the subject fills the picture.

    Args:
        least: no side is shorter, so that no crop is enlarged more than the picture itself.
    """
    if subject.box is None:
        return
    left, top, right, bottom = subject.box
    size = len(subject.columns), len(subject.rows)
    whole = min(size)
    close = min(whole, max(least, round((1 + MARGIN) * max(right - left, bottom - top))))
    for number in range(count):
        side = round(close ** (1 - number / count) * whole ** (number / count))
        at = ((start + end - side) // 2 for start, end in ((left, right), (top, bottom)))
        x, y = (max(0, min(start, length - side)) for start, length in zip(at, size, strict=True))
        yield Crop.square(x, y, side)


def variants(main: Crop, subject: Extent | None, count: int, least: int, mirror: bool) -> list[Crop]:
    """Return up to `count` different crops of a picture: its `main` crop, then squares around the subject.

    `mirror` adds each crop's mirror image. A picture without a mask has its main crop only.
    """
    crops = [main]
    if subject is not None:
        crops += subject_crops(subject, count - 1, least)
    different = list(dict.fromkeys(crops))
    return [
        replace(crop, mirrored=mirrored) for crop in different for mirrored in ([False, True] if mirror else [False])
    ]


def share_of_subject(mask: Image.Image, crop: Crop, width: int, height: int) -> Image.Image:
    """Return a crop of a mask in so many pixels: the subject's share of each one's part, as grey values."""
    return crop.cut(mask.convert("L")).resize((width, height), Image.Resampling.BOX)
