"""Square parts of a picture: the middle, and squares around the subject."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from PIL import Image, ImageOps

SAID = re.compile(r"(?P<left>\d{1,6}),(?P<top>\d{1,6}),(?P<side>\d{1,6})(?P<mirrored> mirrored)?", re.ASCII)
MARGIN = 0.25
"""The closest crop is longer than the subject by this share."""


@dataclass(frozen=True)
class Crop:
    """A square of a picture, in its pixels. `mirrored` swaps left and right."""

    left: int
    top: int
    side: int
    mirrored: bool = False

    def __str__(self) -> str:
        return f"{self.left},{self.top},{self.side}" + " mirrored" * self.mirrored

    @classmethod
    def find(cls, text: str) -> "Crop | None":
        """Return the crop that `str` of it says, or None if the text is of none."""
        said = SAID.fullmatch(text)
        return said and cls(int(said["left"]), int(said["top"]), int(said["side"]), bool(said["mirrored"]))

    def is_inside(self, size: tuple[int, int]) -> bool:
        """Return whether a picture of this width and height has this part."""
        return self.side > 0 and self.left + self.side <= size[0] and self.top + self.side <= size[1]

    def cut(self, image: Image.Image) -> Image.Image:
        """Return this part of an image, in the image's mode and pixels."""
        part = image.crop((self.left, self.top, self.left + self.side, self.top + self.side))
        return ImageOps.mirror(part) if self.mirrored else part


def middle_crop(width: int, height: int) -> Crop:
    """Return the middle square of a picture."""
    side = min(width, height)
    return Crop((width - side) // 2, (height - side) // 2, side)


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
        yield Crop(x, y, side)


def variants(size: tuple[int, int], mask: Image.Image | None, count: int, least: int, mirror: bool) -> list[Crop]:
    """Return up to `count` different crops of a picture: its middle square, then squares around the subject.

    `mirror` adds each crop's mirror image. A picture without a mask has its middle square only.
    """
    crops = [middle_crop(*size)]
    if mask is not None:
        crops += subject_crops(mask, count - 1, least)
    different = list(dict.fromkeys(crops))
    return [
        replace(crop, mirrored=mirrored) for crop in different for mirrored in ([False, True] if mirror else [False])
    ]


def share_of_subject(mask: Image.Image, crop: Crop, side: int) -> Image.Image:
    """Return a crop of a mask at `side` pixels: the subject's share of each square, as grey values."""
    return crop.cut(mask.convert("L")).resize((side, side), Image.Resampling.BOX)
