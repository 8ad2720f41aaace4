"""The loss of a run: a log of one JSON line a step, and a picture of it."""

import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from PIL import Image, ImageDraw, ImageFont

_SIZE = (960, 480)
_LEFT, _TOP, _RIGHT, _BOTTOM = 84, 44, 936, 420
_INK, _GRID, _FAINT, _LINE = "#222222", "#e4e4e4", "#a3c0de", "#1f5f9f"


class LossLog:
    """`loss.jsonl`: step n's loss on line n. Two runs that trained alike have the same bytes."""

    def __init__(self, path: Path, losses: Sequence[float] = (), write: bool = True):
        """Start with the losses of a checkpoint; what a killed run wrote beyond them is replaced.

        Where several processes train, all keep the losses and one has `write`.
        """
        self.path, self.losses = path, list(losses)
        self._file = self._open() if write else None

    def _open(self) -> TextIO:
        staged = self.path.with_name(self.path.name + ".staged")
        staged.write_text("".join(map(_line, range(1, len(self.losses) + 1), self.losses)), encoding="utf-8")
        os.replace(staged, self.path)
        return open(self.path, "a", encoding="utf-8")

    def append(self, loss: float) -> None:
        """Write the next step's loss."""
        self.losses.append(loss)
        if self._file:
            self._file.write(_line(len(self.losses), loss))
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._file:
            self._file.close()


def _line(step: int, loss: float) -> str:
    return json.dumps({"step": step, "loss": loss}) + "\n"


def smooth(losses: Sequence[float], span: int) -> list[float]:
    """An exponential mean that reaches back about `span` steps, unbiased from the first step on."""
    decay, mean, weight = 1 - 1 / max(span, 1), 0.0, 0.0
    smoothed = []
    for loss in losses:
        mean, weight = decay * mean + (1 - decay) * loss, decay * weight + (1 - decay)
        smoothed.append(mean / weight)
    return smoothed


def ticks(low: float, high: float, count: int = 6) -> list[float]:
    """About `count` round numbers (1, 2 or 5 times a power of ten) in low..high."""
    rough = max(high - low, 1e-12) / count
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def draw_losses(losses: Sequence[float], path: Path, title: str = "Fine-tuning loss (Eq. 2)") -> None:
    """A PNG of the losses of steps 1..n: each step faint, their moving mean strong. Replaces `path` as a whole."""
    span = max(2, len(losses) // 25)
    smoothed = smooth(losses, span)
    image = Image.new("RGB", _SIZE, "white")
    top = max(smoothed[0], *sorted(losses)[: max(1, math.ceil(len(losses) * 0.99))])
    frame = _Frame(image, len(losses), top * 1.05 or 1.0)
    frame.draw_axes(title)
    frame.draw_line(losses, _FAINT, 1)
    frame.draw_line(smoothed, _LINE, 3)
    frame.draw_legend(span)
    staged = path.with_name(path.name + ".staged")
    image.save(staged, format="PNG")
    os.replace(staged, path)


class _Frame:
    """Steps 1..`steps` and losses 0..`top` on the picture."""

    def __init__(self, image: Image.Image, steps: int, top: float):
        self.image, self.draw = image, ImageDraw.Draw(image)
        self.steps, self.top = steps, top
        self.font, self.large = ImageFont.load_default(14), ImageFont.load_default(17)

    def x(self, step: int) -> float:
        return _LEFT + (_RIGHT - _LEFT) * (step - 1) / max(self.steps - 1, 1)

    def y(self, loss: float) -> float:
        return _BOTTOM - (_BOTTOM - _TOP) * min(loss / self.top, 1)

    def draw_axes(self, title: str) -> None:
        for loss in ticks(0.0, self.top):
            self.draw.line([(_LEFT, self.y(loss)), (_RIGHT, self.y(loss))], fill=_GRID)
            self.draw.text((_LEFT - 10, self.y(loss)), f"{loss:g}", fill=_INK, font=self.font, anchor="rm")
        for step in sorted({1, *(int(tick) for tick in ticks(1.0, float(self.steps), 8) if tick == int(tick) >= 1)}):
            self.draw.line([(self.x(step), _BOTTOM), (self.x(step), _BOTTOM + 5)], fill=_INK)
            self.draw.text((self.x(step), _BOTTOM + 9), str(step), fill=_INK, font=self.font, anchor="ma")
        self.draw.line([(_LEFT, _TOP), (_LEFT, _BOTTOM), (_RIGHT, _BOTTOM)], fill=_INK)
        self.draw.text((_LEFT, 14), title, fill=_INK, font=self.large)
        self.draw.text(((_LEFT + _RIGHT) / 2, _BOTTOM + 32), "optimiser step", fill=_INK, font=self.font, anchor="ma")
        self._draw_vertically("loss")

    def _draw_vertically(self, text: str) -> None:
        label = Image.new("RGB", (60, 22), "white")
        ImageDraw.Draw(label).text((30, 11), text, fill=_INK, font=self.font, anchor="mm")
        turned = label.rotate(90, expand=True)
        self.image.paste(turned, (10, (_TOP + _BOTTOM) // 2 - turned.height // 2))

    def draw_line(self, losses: Sequence[float], fill: str, width: int) -> None:
        points = [(self.x(step), self.y(loss)) for step, loss in enumerate(losses, 1)]
        if len(points) == 1:
            (x, y) = points[0]
            self.draw.ellipse([x - width, y - width, x + width, y + width], fill=fill)
        self.draw.line(points, fill=fill, width=width, joint="curve")

    def draw_legend(self, span: int) -> None:
        for text, fill, width, x in (("each step", _FAINT, 1, 640), (f"mean of about {span} steps", _LINE, 3, 744)):
            self.draw.line([(x, 24), (x + 20, 24)], fill=fill, width=width)
            self.draw.text((x + 26, 24), text, fill=_INK, font=self.font, anchor="lm")
