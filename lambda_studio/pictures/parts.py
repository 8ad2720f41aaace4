"""Parts of a picture: its middle, and squares around the subject."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from PIL import Image, ImageOps

NUMBER = r"\d{1,6}"
SAID = re.compile(rf"({NUMBER}),({NUMBER}),({NUMBER})(?:,({NUMBER}))?( mirrored)?", re.ASCII)
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


def middle_crop(width: int, height: int, shape: tuple[int, int] = (1, 1)) -> Crop:
    """Return the largest middle part of a picture with the width to height of `shape`: its middle square."""
    across, down = shape
    wide, high = min(width, max(1, round(height * across / down))), min(height, max(1, round(width * down / across)))
    return Crop((width - wide) // 2, (height - high) // 2, wide, high)


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
    return mask.point(lambda value: 255 * (value >= 128)).getbbox()


def subject_crops(mask: Image.Image, count: int, least: int) -> Iterator[Crop]:
    """Iterate over `count` squares around the subject, from close to nearly the whole picture, all inside the picture.

    Their sides are in a geometric series. They may be equal, where the subject fills the picture.

    Args:
        least: no side is shorter, so that no crop is enlarged more than the picture itself.
    """
    box = subject_box(mask)
    if box is None:
        return
    left, top, right, bottom = box
    whole = min(mask.size)
    close = min(whole, max(least, round((1 + MARGIN) * max(right - left, bottom - top))))
    for number in range(count):
        side = round(close ** (1 - number / count) * whole ** (number / count))
        at = ((start + end - side) // 2 for start, end in ((left, right), (top, bottom)))
        x, y = (max(0, min(start, length - side)) for start, length in zip(at, mask.size, strict=True))
        yield Crop.square(x, y, side)


def variants(middle: Crop, mask: Image.Image | None, count: int, least: int, mirror: bool) -> list[Crop]:
    """Return up to `count` different crops of a picture: its `middle`, then squares around the subject.

    `mirror` adds each crop's mirror image. A picture without a mask has its middle only.
    """
    crops = [middle]
    if mask is not None:
        crops += subject_crops(mask, count - 1, least)
    different = list(dict.fromkeys(crops))
    return [
        replace(crop, mirrored=mirrored) for crop in different for mirrored in ([False, True] if mirror else [False])
    ]


def share_of_subject(mask: Image.Image, crop: Crop, width: int, height: int) -> Image.Image:
    """Return a crop of a mask in so many pixels: the subject's share of each one's part, as grey values."""
    return crop.cut(mask.convert("L")).resize((width, height), Image.Resampling.BOX)
