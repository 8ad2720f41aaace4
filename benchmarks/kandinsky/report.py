"""The report of a benchmark: rows that fail alone, a JSON file that is whole after each row, and a table."""

import gc
import json
import platform
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import diffusers
import torch

from lambda_studio.models.memory.hardware import exact_products

from .goals import Goal
from .meter import Bench, Measurement

PEAK = "bf16 matrix product"
"""The row that measures the device's peak."""
REMARKS = {
    "tera_operations_per_second": "{} TFLOP/s",
    "seconds_at_50_steps": "{} s at 50 steps",
    "equal_8_bit_values": "{:.2%} of 8-bit values equal",
    "largest_difference": "largest difference {:.1e}",
    "steps_per_second": "{} steps/s",
}
"""Numbers that a row of the table also has, and how they are written."""
LIBRARIES = ("peft", "accelerate", "transformers")
"""The libraries, beside PyTorch and diffusers, on which the numbers depend."""


@dataclass(frozen=True)
class Row:
    """One measurement: its name, which says what is measured, and its function."""

    name: str
    measure: Callable[[Bench], Measurement]
    exact: bool = False
    """Whether products of float32 matrices are computed in float32 also where `studio` computes them in TF32."""


class Report:
    """The rows so far. Each row is printed and written when it ends."""

    def __init__(self, bench: Bench, out: Path | None, seconds: float):
        self.bench, self.out, self.seconds = bench, out, seconds
        self.began = time.perf_counter()
        self.about = describe(bench)
        self.rows: dict[str, dict[str, Any]] = {}
        self.goals: dict[str, dict[str, Any]] = {}

    def run(self, rows: Iterable[Row]) -> None:
        """Measure the rows in this order. Rows that do not begin in time are left out."""
        print(json.dumps(self.about))
        for row in rows:
            self.rows[row.name] = self._one(row) if self.elapsed < self.seconds else {"left_out": "the time was over"}
            print(f"{self.elapsed:6.1f} s  {line(row.name, self.rows[row.name])}", flush=True)
            self.write()

    @property
    def elapsed(self) -> float:
        """Return the seconds since the report began."""
        return time.perf_counter() - self.began

    def write(self) -> None:
        """Write the JSON file."""
        if self.out:
            whole = {**self.about, "seconds": round(self.elapsed, 1), "goals": self.goals, "rows": self.rows}
            staged = self.out.with_name(self.out.name + ".part")
            staged.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
            staged.replace(self.out)

    def compare(self, goals: Mapping[str, Goal]) -> None:
        """Compare the rows with the goals for one H100, where the rows were measured."""
        for name, goal in goals.items():
            try:
                value = goal.value(self.rows)
            except KeyError:  # a row failed, was left out or was not asked for
                continue
            reached = value <= goal.wanted if goal.lower_is_better else value >= goal.wanted
            self.goals[name] = {"value": round(value, 3), "wanted": goal.wanted, "reached": reached}
            print(f"{name}: {value:.2f}; the goal for an H100 is {goal.wanted}")
        self.write()

    def _one(self, row: Row) -> dict[str, Any]:
        began = time.perf_counter()
        torch.manual_seed(0)
        try:
            with exact_products() if row.exact else nullcontext():
                products = {"fp32_products": torch.get_float32_matmul_precision()}
                measured = row.measure(self.bench).to_json(self._peak_rate) | products
        except Exception as error:  # whatever a row lacks (memory, a kernel, a library), the next rows are measured
            measured = {"failed": f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:300]}
        gc.collect()
        if self.bench.device.type == "cuda":
            torch.cuda.empty_cache()
        return {**measured, "row_seconds": round(time.perf_counter() - began, 1)}

    @property
    def _peak_rate(self) -> float | None:
        peak = self.rows.get(PEAK, {}).get("tera_operations_per_second")
        return peak * 1e12 if peak else None


def describe(bench: Bench) -> dict[str, Any]:
    """Return the device and the versions."""
    on_gpu = bench.device.type == "cuda"
    on_cpu = f"{platform.machine()} CPU, {torch.get_num_threads()} threads"
    products, convolutions = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    memory = torch.cuda.get_device_properties(0).total_memory if on_gpu else None
    return {
        "device": torch.cuda.get_device_name() if on_gpu else on_cpu,
        "memory_gib": round(memory / 2**30, 1) if memory else None,
        "shapes": "tiny" if bench.tiny else "Kandinsky 2.2",
        "torch": torch.__version__,
        "diffusers": diffusers.__version__,
        **{name: version(name) for name in LIBRARIES},
        "fp32": f"products {products}, TF32 in convolutions {convolutions}",
    }


def line(name: str, row: dict[str, Any]) -> str:
    """Return a row as a line of the table."""
    for said in ("failed", "left_out"):
        if said in row:
            return f"{name:52} {said.replace('_', ' ')}: {row[said]}"
    rate = row[f"{row['unit']}_per_second"]
    share = f"{row['share_of_peak']:6.1%}" if row["share_of_peak"] else "      "
    peak = f"{row['peak_gib']:6.2f} GiB" if row["peak_gib"] else "          "
    rates = f"{rate['median']:10.2f} {row['unit']}/s ({rate['least']:.2f} to {rate['most']:.2f})"
    said = [template.format(row[key]) for key, template in REMARKS.items() if key in row]
    return f"{name:52}{rates:44}{row['ms_per_step']:9.1f} ms a step  {share}  {peak}  {', '.join(said)}".rstrip()
