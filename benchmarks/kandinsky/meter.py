"""Measure steps on a device: time by phase, peak memory, and operations."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from .weights import Models

Step = Callable[[], Any]
GIB = 2**30


@dataclass(frozen=True, kw_only=True)
class Bench:
    """The subject and the effort of all measurements."""

    models: Models
    tiny: bool
    """Whether the networks are tiny. Batches are then small, too."""
    seconds: float
    """The time of one row's repeats, beside its warm-up."""

    @property
    def device(self) -> torch.device:
        """Return the device."""
        return self.models.device

    def size(self, batch: int, tiny: int = 2) -> int:
        """Return a batch size, or the one for tiny networks."""
        return tiny if self.tiny else batch


def synchronise(device: torch.device) -> None:
    """Wait until the device has done all its work."""
    if device.type == "cuda":
        torch.cuda.synchronize()


class Phases:
    """The time between the begin and the end of parts of a step, on the device. No step waits."""

    def __init__(self, device: torch.device):
        self.device = device
        self.marks: dict[str, list[tuple[Any, Any]]] = defaultdict(list)

    def around(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function, with its time added to a phase."""

        def timed(*arguments: Any, **named: Any) -> Any:
            with self(name):
                return function(*arguments, **named)

        return timed

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Add the time of the block to a phase."""
        begin = self._now()
        yield
        self.marks[name].append((begin, self._now()))

    def milliseconds(self, steps: int) -> dict[str, float]:
        """Return the mean milliseconds of each phase in one of `steps` steps."""
        synchronise(self.device)
        return {name: round(sum(map(self._between, marks)) / steps, 3) for name, marks in self.marks.items()}

    def _now(self) -> Any:
        if self.device.type != "cuda":
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def _between(self, mark: tuple[Any, Any]) -> float:
        begin, end = mark
        return begin.elapsed_time(end) if self.device.type == "cuda" else 1000 * (end - begin)


@dataclass(kw_only=True)
class Measurement:
    """One row's numbers."""

    seconds: list[float]
    """The seconds of one step, one for each repeat."""
    count: int
    """The pictures, or other things, of one step."""
    unit: str = "pictures"
    operations: float | None = None
    """Floating-point operations of one step, with recomputed ones."""
    peak_bytes: int | None = None
    phases: dict[str, float] = field(default_factory=dict)
    """Milliseconds of each part of a step."""
    notes: dict[str, Any] = field(default_factory=dict)

    def to_json(self, peak_rate: float | None) -> dict[str, Any]:
        """Return the numbers for the report. `peak_rate` is the device's operations per second."""
        each = median(self.seconds)
        rates = sorted(self.count / seconds for seconds in self.seconds)
        share = self.operations / each / peak_rate if self.operations and peak_rate else None
        return {
            f"{self.unit}_per_second": {
                "median": round(median(rates), 3),
                "least": round(rates[0], 3),
                "most": round(rates[-1], 3),
            },
            "ms_per_step": round(1000 * each, 3),
            "seconds_of_each_repeat": [round(seconds, 5) for seconds in self.seconds],
            "count": self.count,
            "unit": self.unit,
            "phases_ms": self.phases,
            "tera_operations_per_step": round(self.operations / 1e12, 6) if self.operations else None,
            "share_of_peak": round(share, 4) if share else None,
            "peak_gib": round(self.peak_bytes / GIB, 2) if self.peak_bytes else None,
            **self.notes,
        }


def measure(bench: Bench, step: Step, count: int, *, each: int = 1, phases: Phases | None = None) -> Measurement:
    """Measure a step: one counted and one more warm-up, then repeats of `each` steps until the row's time is over."""
    start_peak(bench.device)
    operations = count_operations(step)
    step()
    synchronise(bench.device)
    if phases:
        phases.marks.clear()
    seconds = repeat(bench, step, each)
    parts = phases.milliseconds(each * len(seconds)) if phases else {}
    peak = peak_bytes(bench.device)
    return Measurement(seconds=seconds, count=count, operations=operations, peak_bytes=peak, phases=parts)


def repeat(bench: Bench, step: Step, each: int = 1, least: int = 3, most: int = 20) -> list[float]:
    """Return the seconds of a step in each repeat. A repeat runs `each` steps and waits once.

    The row's time limits the repeats, and for fewer than `least` four times the row's time does.
    """
    seconds: list[float] = []
    began = time.perf_counter()
    while not seconds or (
        len(seconds) < most and time.perf_counter() - began < bench.seconds * (4 if len(seconds) < least else 1)
    ):
        start = time.perf_counter()
        for _ in range(each):
            step()
        synchronise(bench.device)
        seconds.append((time.perf_counter() - start) / each)
    return seconds


def count_operations(step: Step) -> float | None:
    """Run a step and return its floating-point operations."""
    with FlopCounterMode(display=False) as counter:
        step()
    return counter.get_total_flops() or None


def start_peak(device: torch.device) -> None:
    """Start to record the peak of the allocated memory."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()


def peak_bytes(device: torch.device) -> int | None:
    """Return the peak of the allocated memory, or None on a CPU."""
    return torch.cuda.max_memory_allocated() if device.type == "cuda" else None


def matrix_rate(bench: Bench, dtype: torch.dtype) -> Measurement:
    """Measure a product of two large square matrices."""
    side = bench.size(8192, 128)
    left, right = (torch.randn(side, side, device=bench.device, dtype=dtype) for _ in range(2))
    left @ right  # the first product loads the library
    synchronise(bench.device)
    seconds = repeat(bench, lambda: left @ right, each=bench.size(10), most=5)
    rate = 2 * side**3 / median(seconds)
    notes = {"tera_operations_per_second": round(rate / 1e12, 2)}
    return Measurement(seconds=seconds, count=1, unit="products", operations=2.0 * side**3, notes=notes)
