"""The table of a benchmark, from the rows of its pictures. No torch is imported."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from lambda_studio.config import require
from lambda_studio.errors import InvalidSetting
from lambda_studio.evaluation.statistics import Interval, interval
from lambda_studio.workflows.benchmarks.results.cells import Cell
from lambda_studio.workflows.benchmarks.results.results_folder import REFERENCES, Row

OVER_SUBJECTS, OVER_PAIRS = "over subjects", "over pairs with references"
OVER_PICTURES = "over the subjects of a picture, then over pictures"
"""The means that a protocol names."""
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
    date: str = ""
    """The day on which the table was made, in UTC."""
    command: str = ""


def require_complete(rows: Mapping[str, Row], cells: Sequence[Cell], pictures: int) -> list[Row]:
    """Return the rows of the cells, in their order. Raises InvalidSetting unless each has exactly so many."""
    keys = [f"{cell.key}/{number}" for cell in cells for number in range(1, pictures + 1)]
    missing = [key for key in keys if key not in rows]
    of_them = f"{len(missing)} of {len(keys)} pictures have no score, such as {''.join(missing[:1])}"
    remedy = "Give the same command again: it does what is missing."
    require(not missing, f"The table is not complete: {of_them}.", remedy)
    return [rows[key] for key in keys]


def metrics_of(rows: Iterable[Row]) -> list[str]:
    """Return the names of all metrics, in the order in which rows have them."""
    return list(dict.fromkeys(metric for row in rows for metric in row.scores))


def unit_of(row: Row) -> str:
    """Return the unit of the bootstrap that a row belongs to: the first of its subjects, or no name."""
    return next(iter(row.subjects), "")


def overall(rows: Sequence[Row], about: Mapping[str, Any]) -> dict[str, Interval]:
    """Return the mean of each metric over the rows that have it, with an interval over their first subjects.

    Tables, reports and comparisons have their means from here.

    Args:
        about: the content of `evaluation.json`. Its protocol says which mean: over subjects, if it says nothing else.

    Raises InvalidSetting if the mean is over pairs with references, and `about` does not say how many there are.
    """
    return {name: _mean(name, [row for row in rows if name in row.scores], about) for name in metrics_of(rows)}


def _mean(metric: str, rows: Sequence[Row], about: Mapping[str, Any]) -> Interval:
    units = [unit_of(row) for row in rows]
    protocol = about.get("protocol")
    kind = protocol.get("mean") if isinstance(protocol, Mapping) else None
    weights: dict[Hashable, float | int] = dict.fromkeys(units, 1)
    if kind == OVER_PICTURES:
        weights = dict(Counter[Hashable](units))
    elif kind == OVER_PAIRS:
        weights = {unit: count * _references(str(unit), about) for unit, count in Counter(units).items()}
    return interval([row.scores[metric] for row in rows], units, weights=weights)


def _references(name: str, about: Mapping[str, Any]) -> int:
    counts = about.get(REFERENCES)
    found = counts.get(name) if isinstance(counts, Mapping) else None
    if type(found) is int and found > 0:
        return found
    cause = f"The mean is over pairs with references, and evaluation.json does not say how many there are of {name!r}."
    remedy = "Score its pictures into a new folder: studio evaluate dreambench DIR --mean pairs --score-only PICTURES"
    raise InvalidSetting(cause, remedy)


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
