"""Measure every number of the model card again, with its spread over seeds, and compare weights with it."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev

from lambda_studio.config import require
from lambda_studio.miniature.judge.measurements import MEASUREMENTS
from lambda_studio.miniature.judge.workers import Measuring, Task, default_workers, measured
from lambda_studio.miniature.world.rendering import PIXELS
from lambda_studio.models.stacks.stack import WEIGHTS, Stack, StackSpec, resolve_stack
from lambda_studio.progress import Progress, silent

QUALITY = WEIGHTS / "quality.json"
"""The report of `studio miniature evaluate --json` for the packaged weights."""
ORACLE = WEIGHTS / "oracle"
"""The folder of the oracle that reads the pictures."""
COUNT, SEEDS, STEPS, FIRST_SEED = 500, 4, 8, 1000
"""The card's settings: pictures per seed, seeds, inference steps, first seed."""
SLACK = {"psnr": 0.3}
"""The minimum tolerance below the card's number. Other questions use `SLACK_OF_SHARES`."""
SLACK_OF_SHARES = 0.03
UNRANKED = frozenset({"text-only"})
"""Measurements where higher is not better."""


@dataclass(frozen=True)
class Figure:
    """The values of one question over seeds, their mean, and their standard deviation (0 for a single seed)."""

    mean: float
    spread: float
    values: tuple[float, ...]


@dataclass(frozen=True)
class Report:
    """Results by measurement and question, each over `count` pictures for each of the `seeds`."""

    count: int
    seeds: tuple[int, ...]
    figures: dict[str, dict[str, Figure]]


def measure(
    stack: str | StackSpec,
    oracle: Path = ORACLE,
    count: int = COUNT,
    seeds: Sequence[int] = range(FIRST_SEED, FIRST_SEED + SEEDS),
    only: Collection[str] = (),
    num_inference_steps: int = STEPS,
    workers: int | None = None,
    progress: Progress = silent,
) -> Report:
    """Run the measurements once for each seed.

    Args:
        stack: A stack, its name or its TOML file.
        oracle: The folder of the oracle that reads the pictures.
        count: The pictures per seed.
        seeds: The seeds.
        only: The names of the measurements, or nothing for all.
        num_inference_steps: The steps of the decoder.
        workers: The number of processes. None is one for each core, or one with a GPU.
        progress: A callback for the progress.

    Raises InvalidSetting for an unknown measurement, an unknown stack, or a stack of another picture size.
    """
    for name in only:
        require(name in MEASUREMENTS, f"There is no measurement {name!r}.", f"Give some of: {' '.join(MEASUREMENTS)}.")
    spec = resolve_stack(stack) if isinstance(stack, str) else stack
    pixels = Stack(spec).resolution
    cause = f"The stack {spec.name} draws {pixels} pixels, but the miniature's world has {PIXELS}."
    require(pixels == PIXELS, cause, "Give stack=miniature, or a stack that the recipe exported.")
    require(count >= 2 and len(seeds) >= 1, "There is nothing to measure.", "Give two pictures and one seed, or more.")
    require(workers is None or workers >= 1, f"workers is {workers}.", "Give one or more.", "workers")
    wanted = [name for name in MEASUREMENTS if not only or name in only]
    tasks = [(name, seed) for name in reversed(wanted) for seed in seeds]  # longest first, to balance the workers
    measuring = Measuring(spec, oracle, count, num_inference_steps)
    found: dict[Task, dict[str, float]] = {}
    with progress("Measuring", len(tasks)) as advance:
        for task, figures in measured(measuring, tasks, workers or default_workers(len(tasks))):
            found[task] = figures
            advance(note=f"{task[0]}, seed {task[1]}")
    return Report(count, tuple(seeds), {name: _figures([found[name, seed] for seed in seeds]) for name in wanted})


def _figures(found: list[dict[str, float]]) -> dict[str, Figure]:
    values = {question: tuple(round(one[question], 4) for one in found) for question in found[0]}
    return {
        question: Figure(round(fmean(all_), 4), round(stdev(all_), 4) if len(all_) > 1 else 0.0, all_)
        for question, all_ in values.items()
    }


def load_quality() -> dict[str, dict[str, float]]:
    """Return the card's numbers by measurement and question."""
    report = json.loads(QUALITY.read_text(encoding="utf-8"))
    return {name: {q: figure["mean"] for q, figure in found.items()} for name, found in report["figures"].items()}


def shortfalls(report: Report, card: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Return a line for each number below the card's by more than the slack and two spreads."""
    lines = []
    for name, found in report.figures.items():
        for question, figure in found.items():
            floor = card.get(name, {}).get(question)
            slack = max(SLACK.get(question, SLACK_OF_SHARES), 2 * figure.spread)
            if name not in UNRANKED and floor is not None and figure.mean < floor - slack:
                lines.append(f"{name} {question}: {figure.mean} is below {floor}")
    return lines
