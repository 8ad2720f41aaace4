"""The losses of a run: a log with one JSON line per step, and a plot."""

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from PIL import Image, ImageDraw, ImageFont

from concepts.durable import staged_file

_SIZE = (960, 480)
_LEFT, _TOP, _RIGHT, _BOTTOM = 84, 44, 936, 420
_INK, _GRID, _FAINT, _LINE = "#222222", "#e4e4e4", "#a3c0de", "#1f5f9f"


class LossLog:
    """`loss.jsonl`: one line for every `every`th step. Two identical runs write the same bytes.

    A step may also have other named losses. Only their written steps are kept.
    """

    def __init__(
        self,
        path: Path,
        losses: Sequence[float] = (),
        write: bool = True,
        others: Mapping[str, Sequence[float]] | None = None,
        every: int = 1,
    ):
        """Start with a checkpoint's losses, and overwrite the lines of later steps of a killed run.

        If several processes train, all keep the losses and one has `write`.
        """
        self.path, self.losses, self.every = path, list(losses), every
        self.others = {name: list(values) for name, values in (others or {}).items()}
        self._file = self._open() if write else None

    def _open(self) -> TextIO:
        written = range(self.every, len(self.losses) + 1, self.every)
        with staged_file(self.path, replace=True) as staged:
            staged.write_text("".join(map(self._line, written)), encoding="utf-8")
        return open(self.path, "a", encoding="utf-8")

    def append(self, loss: float, others: Mapping[str, float] | None = None) -> None:
        """Add the next step's loss, and write it if its line is due."""
        self.losses.append(loss)
        if len(self.losses) % self.every:
            return
        for name, value in (others or {}).items():
            self.others.setdefault(name, []).append(round(value, 5))
        if self._file:
            self._file.write(self._line(len(self.losses)))
            self._file.flush()

    def _line(self, step: int) -> str:
        others = {name: values[step // self.every - 1] for name, values in self.others.items()}
        return json.dumps({"step": step, "loss": self.losses[step - 1], **others}) + "\n"

    def state(self) -> dict[str, Any]:
        """Return the log's part of a checkpoint; `others` only if there are other losses."""
        return {"losses": self.losses} | ({"others": self.others} if self.others else {})

    def draw(self, path: Path) -> None:
        """Draw a PNG of the written steps, if there are any."""
        written = self.losses[self.every - 1 :: self.every]
        if not written:
            return
        if self.others:
            curves = {
                f"{path.parent.name}: {name}": values for name, values in {"loss": written, **self.others}.items()
            }
            draw_curves(curves, path, label="value", every=self.every)
        else:
            draw_losses(written, path)

    def close(self) -> None:
        """Make the written lines durable, and close the file."""
        if self._file:
            with self._file:
                os.fsync(self._file.fileno())


def smooth(losses: Sequence[float], span: int) -> list[float]:
    """Return the exponential mean over about `span` steps, unbiased from the first step on."""
    decay, mean, weight = 1 - 1 / max(span, 1), 0.0, 0.0
    smoothed = []
    for loss in losses:
        mean, weight = decay * mean + (1 - decay) * loss, decay * weight + (1 - decay)
        smoothed.append(mean / weight)
    return smoothed


def ticks(low: float, high: float, count: int = 6) -> list[float]:
    """Return about `count` round numbers in low..high: multiples of 1, 2 or 5 times a power of ten."""
    rough = max(high - low, 1e-12) / count
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def draw_losses(losses: Sequence[float], path: Path, title: str = "Fine-tuning loss (Eq. 2)") -> None:
    """Draw a PNG of the losses of steps 1..n: faint steps, a strong moving mean. Overwrites `path` atomically."""
    draw_curves({title: losses}, path)


def draw_curves(curves: Mapping[str, Sequence[float]], path: Path, label: str = "loss", every: int = 1) -> None:
    """Draw a PNG with one panel per title, for steps `every`, 2 `every`, … Overwrites `path` atomically."""
    whole = Image.new("RGB", (_SIZE[0], _SIZE[1] * len(curves)), "white")
    for row, (title, values) in enumerate(curves.items()):
        whole.paste(_panel(values, title, label, every), (0, row * _SIZE[1]))
    with staged_file(path, replace=True) as staged:
        whole.save(staged, format="PNG")


def _panel(values: Sequence[float], title: str, label: str, every: int) -> Image.Image:
    span = max(2, len(values) // 25)
    smoothed = smooth(values, span)
    image = Image.new("RGB", _SIZE, "white")
    top = max(smoothed[0], *sorted(values)[: max(1, math.ceil(len(values) * 0.99))])
    frame = _Frame(image, len(values), every, top * 1.05 or 1.0)
    frame.draw_axes(title, label)
    frame.draw_line(values, _FAINT, 1)
    frame.draw_line(smoothed, _LINE, 3)
    frame.draw_legend(span * every, every)
    return image


class _Frame:
    """The plot area: steps `every`..`count * every`, values 0..`top`."""

    def __init__(self, image: Image.Image, count: int, every: int, top: float):
        self.image, self.draw = image, ImageDraw.Draw(image)
        self.first, self.last, self.top = every, count * every, top
        self.font, self.large = ImageFont.load_default(14), ImageFont.load_default(17)

    def x(self, step: int) -> float:
        return _LEFT + (_RIGHT - _LEFT) * (step - self.first) / max(self.last - self.first, 1)

    def y(self, loss: float) -> float:
        return _BOTTOM - (_BOTTOM - _TOP) * min(loss / self.top, 1)

    def draw_axes(self, title: str, label: str) -> None:
        for loss in ticks(0.0, self.top):
            self.draw.line([(_LEFT, self.y(loss)), (_RIGHT, self.y(loss))], fill=_GRID)
            self.draw.text((_LEFT - 10, self.y(loss)), f"{loss:g}", fill=_INK, font=self.font, anchor="rm")
        round_steps = (
            int(tick) for tick in ticks(float(self.first), float(self.last), 8) if tick == int(tick) >= self.first
        )
        for step in sorted({self.first, *round_steps}):
            self.draw.line([(self.x(step), _BOTTOM), (self.x(step), _BOTTOM + 5)], fill=_INK)
            self.draw.text((self.x(step), _BOTTOM + 9), str(step), fill=_INK, font=self.font, anchor="ma")
        self.draw.line([(_LEFT, _TOP), (_LEFT, _BOTTOM), (_RIGHT, _BOTTOM)], fill=_INK)
        self.draw.text((_LEFT, 14), title, fill=_INK, font=self.large)
        self.draw.text(((_LEFT + _RIGHT) / 2, _BOTTOM + 32), "optimiser step", fill=_INK, font=self.font, anchor="ma")
        self._draw_vertically(label)

    def _draw_vertically(self, text: str) -> None:
        label = Image.new("RGB", (60, 22), "white")
        ImageDraw.Draw(label).text((30, 11), text, fill=_INK, font=self.font, anchor="mm")
        turned = label.rotate(90, expand=True)
        self.image.paste(turned, (10, (_TOP + _BOTTOM) // 2 - turned.height // 2))

    def draw_line(self, losses: Sequence[float], fill: str, width: int) -> None:
        points = [(self.x(number * self.first), self.y(loss)) for number, loss in enumerate(losses, 1)]
        if len(points) == 1:
            (x, y) = points[0]
            self.draw.ellipse([x - width, y - width, x + width, y + width], fill=fill)
        self.draw.line(points, fill=fill, width=width, joint="curve")

    def draw_legend(self, span: int, every: int) -> None:
        one = "each step" if every == 1 else f"every {every} steps"
        for text, fill, width, x in ((one, _FAINT, 1, 600), (f"mean of about {span} steps", _LINE, 3, 744)):
            self.draw.line([(x, 24), (x + 20, 24)], fill=fill, width=width)
            self.draw.text((x + 26, 24), text, fill=_INK, font=self.font, anchor="lm")
