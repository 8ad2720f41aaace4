"""The table of a benchmark, from the rows of its pictures. No torch is imported."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from lambda_studio.config import require
from lambda_studio.evaluation.statistics import Interval, interval
from lambda_studio.workflows.benchmarks.cells import Cell
from lambda_studio.workflows.benchmarks.results_folder import Row

Reals = Mapping[str, Mapping[str, float | None]]
"""By subject and metric: the likeness of its photographs with each other; None for a single one."""


@dataclass(frozen=True)
class SubjectScores:
    """One subject's row of the table."""

    name: str
    noun: str
    references: int
    """Photographs that pictures are compared with."""
    pictures: int
    scores: Mapping[str, float]
    """By metric, the mean over its pictures."""
    real: Mapping[str, float | None]
    """The likeness of its photographs with each other, without pairs of a photograph with itself."""


@dataclass(frozen=True)
class BenchmarkScores:
    """The table of a benchmark, with what it must not be read without."""

    benchmark: str
    folder: Path
    protocol: Mapping[str, str | int]
    drawn_by: str
    """The stack and its adapter, or the folder with pictures of another program."""
    prompts: int
    """Cells of the table: prompts, each for its subjects."""
    pictures: int
    subjects: tuple[SubjectScores, ...]
    overall: Mapping[str, Interval]
    """By metric, with a bootstrap interval over subjects."""
    real: Mapping[str, float]
    """The row of real photographs, of the metrics that have one."""
    notes: tuple[str, ...] = ()


def require_complete(rows: Mapping[str, Row], cells: Sequence[Cell], pictures: int) -> list[Row]:
    """Return the rows of the cells, in their order. Raises InvalidSetting unless each has exactly so many."""
    keys = [f"{cell.key}/{number}" for cell in cells for number in range(1, pictures + 1)]
    missing = [key for key in keys if key not in rows]
    of_them = f"{len(missing)} of {len(keys)} pictures have no score, such as {''.join(missing[:1])}"
    remedy = "Give the same command again: it does what is missing."
    require(not missing, f"The table is not complete: {of_them}.", remedy)
    return [rows[key] for key in keys]


def overall(rows: Sequence[Row], weights: Mapping[str, int]) -> dict[str, Interval]:
    """Return the mean of each metric over rows, with an interval over their first subjects.

    Args:
        weights: how much a picture of each first subject counts.
    """
    clusters = [row.subjects[0] for row in rows]
    of_clusters: dict[Hashable, float | int] = {}
    for name in clusters:
        of_clusters[name] = of_clusters.get(name, 0) + weights[name]
    return {
        metric: interval([row.scores[metric] for row in rows], clusters, weights=of_clusters)
        for metric in rows[0].scores
    }


def means_of(name: str, rows: Sequence[Row]) -> dict[str, float]:
    """Return the mean of each metric over a subject's rows: as this subject where the picture has several."""
    scores = [{**row.scores, **row.by_subject.get(name, {})} for row in rows]
    return {metric: fmean(each[metric] for each in scores) for metric in scores[0]}


def real_row(reals: Reals, weight: Callable[[str], int]) -> dict[str, float]:
    """Return the mean of each metric over the subjects that have more than one photograph, by their weights."""
    found: dict[str, float] = {}
    for metric in dict.fromkeys(metric for of_one in reals.values() for metric in of_one):
        known = {name: value for name, of_one in reals.items() if (value := of_one.get(metric)) is not None}
        if known:
            total = sum(weight(name) for name in known)
            found[metric] = sum(weight(name) * value for name, value in known.items()) / total
    return found
