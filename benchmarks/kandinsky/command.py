"""The command line of `full_size.py` and `prior_rate.py`."""

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch

from lambda_studio.models.memory.hardware import use_tensor_cores

from .meter import Bench, matrix_rate
from .report import PEAK, Report, Row
from .shapes import FULL, TINY
from .weights import Models


def options(description: str | None, seconds: float) -> argparse.ArgumentParser:
    """Return the parser of a benchmark that takes `seconds` by default."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--out", type=Path, help="a JSON file, written after each row")
    parser.add_argument("--tiny", action="store_true", help="tiny networks of the same structure")
    parser.add_argument("--seconds", type=float, default=seconds, help="rows that begin later are left out")
    parser.add_argument("--row-seconds", type=float, default=2.0, help="the time of one row's repeats")
    parser.add_argument("--rows", default="", help="measure only the rows whose name contains this text")
    return parser


def run(asked: argparse.Namespace, rows: Sequence[Row]) -> Report:
    """Measure the device's peak and the chosen rows, and print the report. TF32 is set as `studio` sets it."""
    seconds = 0.0 if asked.tiny else asked.row_seconds
    models = Models(TINY if asked.tiny else FULL, torch.device(asked.device))
    use_tensor_cores(models.device)
    bench = Bench(models=models, tiny=asked.tiny, seconds=seconds)
    report = Report(bench, asked.out, asked.seconds)
    chosen = [row for row in rows if asked.rows in row.name]
    report.run([Row(PEAK, partial(matrix_rate, dtype=torch.bfloat16)), *chosen])
    return report
