"""Marks by which a user says where the subject of one picture is: a box, a point, or a way to find it."""

from dataclasses import dataclass

from lambda_studio.errors import MaskRefused

Size = tuple[int, int]
REMEDY = (
    "A box is x,y,width,height, a point x,y. Count from the top left corner, in pixels or in percent, for example "
    "25%,30%,50%,60%."
)


@dataclass(frozen=True)
class Point:
    """A point on the subject, in pixels of the picture as it was given, upright, or in percent of it."""

    x: int | float
    y: int | float
    percent: bool = False

    def on(self, size: Size, given: Size, name: str) -> tuple[int, int]:
        """Return the point on a picture of `size` that was given with the size `given`. Raises MaskRefused."""
        x, y = _shares((self.x, self.y), given, self.percent)
        if not (0 <= x < 1 and 0 <= y < 1):
            raise MaskRefused(f"The point {_listed(self)} is outside {name}, which has {_said(given)}.", REMEDY)
        return int(x * size[0]), int(y * size[1])


@dataclass(frozen=True)
class Box:
    """A box around the subject: its left top corner, width and height, in the units of `Point`."""

    x: int | float
    y: int | float
    width: int | float
    height: int | float
    percent: bool = False

    def on(self, size: Size, given: Size, name: str) -> tuple[int, int, int, int]:
        """Return left, top, right and bottom on a picture of `size`, as `Point.on`."""
        if self.width <= 0 or self.height <= 0:
            raise MaskRefused(f"The box {_listed(self)} for {name} is empty.", "A box is x,y,width,height.")
        corner, far = (self.x, self.y), (self.x + self.width, self.y + self.height)
        left, top = _shares(corner, given, self.percent)
        right, bottom = _shares(far, given, self.percent)
        if min(left, top) < 0 or max(right, bottom) > 1 + 1e-9:
            raise MaskRefused(f"The box {_listed(self)} reaches outside {name}, which has {_said(given)}.", REMEDY)
        box = (round(left * size[0]), round(top * size[1]), round(right * size[0]), round(bottom * size[1]))
        if min(box[2] - box[0], box[3] - box[1]) < SMALLEST:
            raise MaskRefused(f"The box {_listed(self)} for {name} is too small.", self._larger())
        return box

    def _larger(self) -> str:
        """Return the remedy of a box that is too small: percent, for numbers that look like shares."""
        if not self.percent and max(self.x + self.width, self.y + self.height) <= 1:
            shares = Box(self.x * 100, self.y * 100, self.width * 100, self.height * 100, percent=True)
            return f"Numbers without % are pixels. Did you mean {_listed(shares)}?"
        return "Draw it around the whole subject."


@dataclass(frozen=True)
class Segment:
    """A way to find the subject, other than that of the other pictures: one of `subject.SEGMENTERS`, or grounded."""

    way: str


SMALLEST = 8
"""The minimum side of a box in pixels of the working copy."""


def _shares(numbers: tuple[int | float, int | float], given: Size, percent: bool) -> tuple[float, float]:
    across, down = (100, 100) if percent else given
    return numbers[0] / across, numbers[1] / down


def _listed(mark: Box | Point) -> str:
    numbers = (mark.x, mark.y, mark.width, mark.height) if isinstance(mark, Box) else (mark.x, mark.y)
    return ",".join(f"{number:g}{'%' * mark.percent}" for number in numbers)


def _said(size: Size) -> str:
    return f"{size[0]} x {size[1]} pixels"
