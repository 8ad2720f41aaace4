"""The plots of a report, in pixels: the distribution of a metric, and each subject's mean with its interval."""

import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lambda_studio.evaluation.statistics import Interval
from lambda_studio.training.curve import ticks

WIDTH, SIDE_ROOM, TOP, BOTTOM = 620, 24, 10, 26
COUNT_ROOM = 64
"""At the left of a distribution, for the number of pictures."""
HEIGHT = 150
"""Of a distribution."""
LINE = 20
"""The height of a subject's line."""
CHARACTER = 8
"""The pixels of a digit at the size of labels, in wide fonts such as DejaVu Sans."""
BROAD = "MWmw@%"
"""Letters that are broader than a digit."""
LONGEST_NAME = 24
"""The width of the longest name of a subject in a plot, in digits."""
BINS = 24
MOST_SUBJECTS = 60
"""The most subjects of a plot. The table has all of them."""


@dataclass(frozen=True)
class Axis:
    """A horizontal axis from `low` to `high`."""

    low: float
    high: float
    left: int
    right: int

    def at(self, value: float) -> float:
        """Return the pixel of a value."""
        return round(self.left + (self.right - self.left) * (value - self.low) / (self.high - self.low), 1)

    @property
    def marks(self) -> tuple[tuple[float, str], ...]:
        """Round values with their pixels, as many as have room."""
        values = ticks(self.low, self.high, 6)
        texts = [_number(value, values) for value in values]
        needed = CHARACTER * (max(map(len, texts), default=0) + 2)
        apart = self.at(values[1]) - self.at(values[0]) if len(values) > 1 else math.inf
        every = max(1, math.ceil(needed / apart))
        return tuple((self.at(value), text) for value, text in list(zip(values, texts, strict=True))[::every])


@dataclass(frozen=True)
class Bar:
    """One bar of a distribution."""

    x: float
    y: float
    width: float
    height: float
    count: int


@dataclass(frozen=True)
class Distribution:
    """How many pictures have which value, with the mean and its interval. Without one, its ends are the mean."""

    label: str
    width: int
    height: int
    left: int
    right: int
    tallest: int
    """The pictures of the highest bar."""
    bars: tuple[Bar, ...]
    columns: tuple[tuple[float, str], ...]
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class SubjectLine:
    """A subject's mean with its interval. Without one, its ends are the mean."""

    y: float
    name: str
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class SubjectChart:
    """A line for each subject."""

    label: str
    width: int
    height: int
    left: int
    lines: tuple[SubjectLine, ...]
    columns: tuple[tuple[float, str], ...]
    middle: float
    """The pixel of the value that lines are compared with."""
    left_out: int
    """How many subjects are not in the plot."""


def distribution(label: str, values: Sequence[float], mean: Interval) -> Distribution:
    """Return the plot of a metric's values."""
    low, high = _ends(mean)
    axis = _axis([*values, low, high], COUNT_ROOM)
    counts = _counts(values, axis)
    tallest, width = max(counts), (axis.right - axis.left) / BINS
    bars = []
    for at, count in enumerate(counts):
        height = round((HEIGHT - TOP - BOTTOM) * count / tallest, 1)
        bar = Bar(round(axis.left + at * width, 1), HEIGHT - BOTTOM - height, round(width - 1, 1), height, count)
        bars += [bar] if count else []
    ends = axis.at(mean.mean), axis.at(low), axis.at(high)
    return Distribution(label, WIDTH, HEIGHT, axis.left, axis.right, tallest, tuple(bars), axis.marks, *ends)


def subject_chart(label: str, intervals: Mapping[str, Interval], middle: float) -> SubjectChart:
    """Return the plot of the subjects' means. `middle` is the value that they are compared with, as a line."""
    shown = dict(list(intervals.items())[:MOST_SUBJECTS])
    names = {name: _short(name) for name in shown}
    left = SIDE_ROOM + math.ceil(CHARACTER * max(map(_width, names.values()), default=0))
    ends = [end for each in shown.values() for end in (*_ends(each), each.mean)]
    axis = _axis([*ends, middle], left)
    lines = tuple(
        SubjectLine(TOP + LINE * (at + 0.5), names[name], axis.at(each.mean), *map(axis.at, _ends(each)))
        for at, (name, each) in enumerate(shown.items())
    )
    height = TOP + LINE * len(lines) + BOTTOM
    left_out = len(intervals) - len(shown)
    return SubjectChart(label, WIDTH, height, left, lines, axis.marks, axis.at(middle), left_out)


def _ends(mean: Interval) -> tuple[float, float]:
    return mean.ends or (mean.mean, mean.mean)


def _axis(values: Sequence[float], left: int) -> Axis:
    low, high = min(values), max(values)
    least = 1e-6 * max(abs(low), abs(high), 1e-3)
    room = 0.04 * (high - low) if high - low > least else 0.01 * max(abs(high), 1.0)
    return Axis(low - room, high + room, left, WIDTH - SIDE_ROOM)


def _counts(values: Sequence[float], axis: Axis) -> list[int]:
    counts = [0] * BINS
    for value in values:
        counts[min(BINS - 1, int(BINS * (value - axis.low) / (axis.high - axis.low)))] += 1
    return counts


def _number(value: float, values: Sequence[float]) -> str:
    step = values[1] - values[0] if len(values) > 1 else abs(value) or 1.0
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return f"{value:.{digits}f}" if digits <= 8 and abs(value) < 1e7 else f"{value:.3g}"


def _short(name: str) -> str:
    """Return a name that is at most as wide as `LONGEST_NAME` digits."""
    if _width(name) <= LONGEST_NAME:
        return name
    kept = ""
    for character in name:
        if _width(kept + character) >= LONGEST_NAME:
            break
        kept += character
    return f"{kept}…"


def _width(text: str) -> float:
    """Return the width of a text in digits."""
    wide = sum(unicodedata.east_asian_width(each) in "WF" for each in text)
    return len(text) + wide + 0.4 * sum(each in BROAD for each in text)
