"""Compare two evaluations, picture by picture."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lambda_studio.config import require
from lambda_studio.evaluation.statistics import FEWEST, Interval
from lambda_studio.workflows.benchmarks.comparisons.comparable import require_comparable, require_same_prompts
from lambda_studio.workflows.benchmarks.results.results_folder import ResultsFolder, Row
from lambda_studio.workflows.benchmarks.results.scores import overall, unit_of

ROUNDING = 5e-5
"""A smaller difference is shown as 0.0000, and is rounding: no difference of the pictures."""


@dataclass(frozen=True)
class MetricComparison:
    """One metric in both evaluations."""

    metric: str
    one: float
    other: float
    difference: Interval
    """Of `other` less `one`, by the mean of the protocol. The units of its interval are subjects."""

    @property
    def is_clear(self) -> bool:
        """Whether there is an interval that does not contain zero, nor what is shown as zero."""
        ends = self.difference.ends
        return ends is not None and (ends[0] >= ROUNDING or ends[1] <= -ROUNDING)


@dataclass(frozen=True)
class EvaluationComparison:
    """Two evaluations, over the pictures that both have."""

    pictures: int
    subjects: int
    only_one: int
    only_other: int
    metrics: tuple[MetricComparison, ...]
    notes: tuple[str, ...] = ()

    @property
    def uneven(self) -> bool:
        """Whether an evaluation has pictures that the other does not have."""
        return bool(self.only_one or self.only_other)


def compare(one: Path, other: Path) -> EvaluationComparison:
    """Return how the scores of two evaluations differ. Subjects are the units of the bootstrap.

    Raises InvalidSetting for a folder without an evaluation, for evaluations of different kinds, judges, prompts or
    photographs or of ccd, if no picture or no metric is in both, and as `overall`.
    """
    folders = ResultsFolder(one), ResultsFolder(other)
    about = [folder.about() for folder in folders]
    notes = require_comparable(one, other, about)
    first, second = (folder.rows() for folder in folders)
    common = [key for key in first if key in second]
    require(bool(common), f"{one} and {other} have no picture in common.", "Evaluate the same subjects and prompts.")
    pairs = [(first[key], second[key]) for key in common]
    require_same_prompts(one, other, pairs)
    metrics = [name for name in pairs[0][0].scores if all(name in row.scores for pair in pairs for row in pair)]
    require(bool(metrics), f"{one} and {other} have no metric in common.", "Evaluate both with the same metrics.")
    subjects = len({unit_of(row) for row, _ in pairs})
    few = (f"{note} Without one, no difference is clear." for note in without_interval(subjects))
    return EvaluationComparison(
        pictures=len(common),
        subjects=subjects,
        only_one=len(first) - len(common),
        only_other=len(second) - len(common),
        metrics=_metrics(metrics, pairs, about[0]),
        notes=(*few, *notes),
    )


def without_interval(subjects: int) -> tuple[str, ...]:
    """Return the note about an evaluation of so few subjects that its numbers have no intervals."""
    if subjects >= FEWEST:
        return ()
    there = "There is 1 subject" if subjects == 1 else f"There are {subjects} subjects"
    return (f"{there}, and an interval needs at least {FEWEST}.",)


def _metrics(names: list[str], pairs: list[tuple[Row, Row]], about: Mapping[str, Any]) -> tuple[MetricComparison, ...]:
    gains = [
        replace(one, scores={name: other.scores[name] - one.scores[name] for name in names}) for one, other in pairs
    ]
    ones, others, differences = (overall(rows, about) for rows in (*zip(*pairs, strict=True), gains))
    return tuple(MetricComparison(name, ones[name].mean, others[name].mean, differences[name]) for name in names)
