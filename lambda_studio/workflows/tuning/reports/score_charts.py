"""The scores of a run as small charts for its report: likeness and composition of each subject over the steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lambda_studio.training.curve import ticks
from lambda_studio.training.scores import COMPOSITION, LIKENESS

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 340, 140, 44, 12, 22, 24
ROOM = 0.02
"""The least distance of a value from the edge of its chart."""


@dataclass(frozen=True)
class Chart:
    """One curve, in pixels."""

    label: str
    points: str
    dots: tuple[tuple[float, float], ...]
    kept: tuple[float, float] | None
    rows: tuple[tuple[float, str], ...]
    columns: tuple[tuple[float, str], ...]


def charts_by_subject(lines: Sequence[Mapping[str, Any]], kept: int | None) -> dict[str, list[Chart]]:
    """Return each subject's charts, one for each score. All charts of a score have the same axes.

    Args:
        lines: the lines of `scores.jsonl`.
        kept: the step whose weights the adapter has.
    """
    if not lines:
        return {}
    metrics = lines[0]["metrics"]
    names = {LIKENESS: f"{LIKENESS} ({metrics[LIKENESS]})", COMPOSITION: f"{COMPOSITION} ({metrics[COMPOSITION]})"}
    subjects = list(lines[0]["subjects"])
    keys = list(lines[0]["subjects"][subjects[0]])
    frames = {key: _Frame(lines, key, kept) for key in keys}
    return {name: [frames[key].chart(name, names.get(key, key)) for key in keys] for name in subjects}


class _Frame:
    """The axes of one score: all steps, and the values of all subjects."""

    def __init__(self, lines: Sequence[Mapping[str, Any]], key: str, kept: int | None):
        self.lines, self.key, self.kept = lines, key, kept
        values = [subject[key] for line in lines for subject in line["subjects"].values()]
        self.low, self.high = min(values) - ROOM, max(values) + ROOM
        self.last = max(1, lines[-1]["step"])

    def chart(self, name: str, label: str) -> Chart:
        """Return a subject's curve."""
        dots = [(self._x(line["step"]), self._y(line["subjects"][name][self.key])) for line in self.lines]
        kept = [dot for dot, line in zip(dots, self.lines, strict=True) if line["step"] == self.kept]
        steps = sorted({int(tick) for tick in ticks(0.0, float(self.last), 4) if tick == int(tick)})
        return Chart(
            label,
            " ".join(f"{x},{y}" for x, y in dots),
            tuple(dots),
            kept[0] if kept else None,
            tuple((self._y(value), f"{value:g}") for value in ticks(self.low, self.high, 4)),
            tuple((self._x(step), f"{step:,}") for step in steps),
        )

    def _x(self, step: int) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * step / self.last, 1)

    def _y(self, value: float) -> float:
        return round(TOP + (HEIGHT - TOP - BOTTOM) * (self.high - value) / (self.high - self.low), 1)
