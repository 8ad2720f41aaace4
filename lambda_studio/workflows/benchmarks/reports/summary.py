"""The numbers of an evaluation: each metric's mean, each subject's mean, and how complete the evaluation is."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lambda_studio.evaluation.statistics import Interval, interval
from lambda_studio.workflows.benchmarks.results_folder import PICTURES, ResultsFolder, Row

EXPECTED = "pictures"
"""The fact of `evaluation.json` that says how many pictures a complete evaluation has, if it says so."""


@dataclass(frozen=True)
class MetricSummary:
    """A metric over all pictures that have it."""

    metric: str
    interval: Interval
    """Over subjects, which weigh the same. Pictures of several subjects count as one subject for each composition."""
    pictures: int


@dataclass(frozen=True)
class SubjectSummary:
    """The scores of one subject's pictures."""

    name: str
    pictures: int
    means: Mapping[str, Interval]
    """By metric, over the pictures. A metric that is known for the subject alone is taken in place of the picture's."""


def metrics_of(rows: Iterable[Row]) -> list[str]:
    """Return the names of all metrics, in the order in which rows have them."""
    return list(dict.fromkeys(metric for row in rows for metric in row.scores))


def subjects_of(rows: Iterable[Row]) -> list[str]:
    """Return the names of all subjects, in the order in which rows have them."""
    return list(dict.fromkeys(name for row in rows for name in row.subjects))


def value_of(row: Row, metric: str, name: str) -> float | None:
    """Return the score of a subject in a picture, or None."""
    return row.by_subject.get(name, {}).get(metric, row.scores.get(metric))


def metric_summaries(rows: Sequence[Row]) -> tuple[MetricSummary, ...]:
    """Return each metric's mean with its interval over subjects."""
    return tuple(_metric(metric, [row for row in rows if metric in row.scores]) for metric in metrics_of(rows))


def _metric(metric: str, rows: Sequence[Row]) -> MetricSummary:
    values = [row.scores[metric] for row in rows]
    return MetricSummary(metric, interval(values, [row.subjects for row in rows]), len(rows))


def subject_summaries(rows: Sequence[Row]) -> tuple[SubjectSummary, ...]:
    """Return each subject's means with their intervals over its pictures."""
    metrics = metrics_of(rows)
    found: dict[str, list[Row]] = {name: [] for name in subjects_of(rows)}
    for row in rows:
        for name in dict.fromkeys(row.subjects):
            found[name].append(row)
    return tuple(_subject(name, own, metrics) for name, own in found.items())


def _subject(name: str, rows: Sequence[Row], metrics: Sequence[str]) -> SubjectSummary:
    values = {
        metric: [value for row in rows if (value := value_of(row, metric, name)) is not None] for metric in metrics
    }
    return SubjectSummary(name, len(rows), {metric: interval(each) for metric, each in values.items() if each})


def notes_of(folder: ResultsFolder, about: Mapping[str, Any], rows: Mapping[str, Row]) -> tuple[str, ...]:
    """Return in words what is missing in an evaluation."""
    return tuple(_notes(folder, about, rows))


def _notes(folder: ResultsFolder, about: Mapping[str, Any], rows: Mapping[str, Row]) -> Iterator[str]:
    expected, unscored = about.get(EXPECTED), _unscored(folder, rows)
    if not rows:
        yield "The evaluation is empty: no picture has scores yet."
    elif type(expected) is int and len(rows) < expected:
        yield f"The evaluation is incomplete: {len(rows):,} of {expected:,} pictures have scores."
    if unscored:
        have = "picture has" if unscored == 1 else "pictures have"
        yield f"{unscored:,} {have} no scores yet. The numbers leave them out."
    yield from _uneven(rows.values())


def _unscored(folder: ResultsFolder, rows: Mapping[str, Row]) -> int:
    root = folder.out / PICTURES
    found = (Path(where) / name for where, _, names in os.walk(root) for name in names if name.endswith(".png"))
    return sum(path.relative_to(root).as_posix().removesuffix(".png") not in rows for path in found)


def _uneven(rows: Iterable[Row]) -> Iterator[str]:
    counts = Counter((row.subjects, row.prompt) for row in rows)
    most = max(counts.values(), default=0)
    fewer = sum(count < most for count in counts.values())
    if fewer:
        yield f"{fewer:,} of {len(counts):,} prompts have fewer than {most} pictures: the evaluation may be incomplete."
