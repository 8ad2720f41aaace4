"""The numbers of an evaluation: each metric's mean, each subject's mean, and how complete the evaluation is."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lambda_studio.evaluation.statistics import Interval, interval
from lambda_studio.workflows.benchmarks.results.results_folder import EXPECTED, PICTURES, ResultsFolder, Row
from lambda_studio.workflows.benchmarks.results.scores import metrics_of, overall


@dataclass(frozen=True)
class MetricSummary:
    """A metric over all pictures that have it."""

    metric: str
    interval: Interval
    """The mean of the evaluation's protocol, with the interval over the first subjects of its pictures."""
    pictures: int


@dataclass(frozen=True)
class SubjectSummary:
    """The scores of one subject's pictures."""

    name: str
    pictures: int
    means: Mapping[str, Interval]
    """By metric, over the pictures. A metric that is known for the subject alone is taken in place of the picture's."""


def subjects_of(rows: Iterable[Row]) -> list[str]:
    """Return the names of all subjects, in the order in which rows have them."""
    return list(dict.fromkeys(name for row in rows for name in row.subjects))


def value_of(row: Row, metric: str, name: str) -> float | None:
    """Return the score of a subject in a picture, or None."""
    return row.by_subject.get(name, {}).get(metric, row.scores.get(metric))


def metric_summaries(rows: Sequence[Row], about: Mapping[str, Any]) -> tuple[MetricSummary, ...]:
    """Return each metric's mean with its interval, as the command's table has them. Raises as `overall`."""
    counts = Counter(metric for row in rows for metric in row.scores)
    return tuple(MetricSummary(metric, each, counts[metric]) for metric, each in overall(rows, about).items())


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
