"""The report of two evaluations beside each other."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from lambda_studio.evaluation.statistics import Interval, paired
from lambda_studio.pictures.door import PictureDoor
from lambda_studio.workflows.benchmarks.comparisons.comparing import EvaluationComparison, compare
from lambda_studio.workflows.benchmarks.reports.charts import distribution, subject_chart
from lambda_studio.workflows.benchmarks.reports.explained import explained
from lambda_studio.workflows.benchmarks.reports.extremes import PictureChange, changes
from lambda_studio.workflows.benchmarks.reports.facts import facts_of
from lambda_studio.workflows.benchmarks.reports.page import identity_of, place_of, render, write_page
from lambda_studio.workflows.benchmarks.reports.summary import notes_of, subjects_of, value_of
from lambda_studio.workflows.benchmarks.reports.thumbnails import Thumbnails
from lambda_studio.workflows.benchmarks.results.results_folder import ResultsFolder, Row

NAME = "comparison.html"
Pairs = Mapping[str, tuple[Row, Row]]


@dataclass(frozen=True)
class SubjectDifference:
    """How the scores of one subject's pictures differ."""

    name: str
    pictures: int
    differences: Mapping[str, Interval]
    """By metric, of the other evaluation less the first one, over the pictures that both have."""


@dataclass(frozen=True)
class ComparisonReport:
    """What a report says of two evaluations, and its page."""

    path: Path
    one: Path
    other: Path
    comparison: EvaluationComparison
    subjects: tuple[SubjectDifference, ...]
    changes: tuple[PictureChange, ...]
    notes: tuple[str, ...] = ()


def report_comparison(one: Path, other: Path, out: Path | None, door: PictureDoor) -> ComparisonReport:
    """Write the page of two evaluations, by default as `comparison.html` into the other's folder; return its numbers.

    Raises InvalidSetting as `compare` and for a wrong `out`; OutputExists; DecoderNotStarted.
    """
    compared = compare(one, other)
    path = place_of(out or other, NAME)
    first, second = ResultsFolder(one), ResultsFolder(other)
    rows, others = first.rows(), second.rows()
    pairs = {key: (row, others[key]) for key, row in rows.items() if key in others}
    metrics = [each.metric for each in compared.metrics]
    notes = [f"{name}: {note}" for name, folder, found in (("ONE", first, rows), ("OTHER", second, others))
             for note in notes_of(folder, folder.about(), found)]  # fmt: skip
    found = ComparisonReport(
        path=path,
        one=one,
        other=other,
        comparison=compared,
        subjects=_subjects(pairs, metrics),
        changes=changes(pairs, metrics),
        notes=(*compared.notes, *notes),
    )
    page = html_of(found, pairs, door)
    return replace(found, path=write_page(page, path, identity_of(first, second)))


def html_of(found: ComparisonReport, pairs: Pairs, door: PictureDoor) -> str:
    """Return the page of two evaluations."""
    first, second = ResultsFolder(found.one), ResultsFolder(found.other)
    thumbnails = Thumbnails(door)
    shown = {
        metric: [
            (rank, [(each, thumbnails.of(first, each.key), thumbnails.of(second, each.key)) for each in pictures])
            for rank, pictures in groupby(of_metric, key=lambda each: each.rank)
        ]
        for metric, of_metric in groupby(found.changes, key=lambda each: each.metric)
    }
    return render(
        "comparison.html",
        identity_of(first, second),
        found=found,
        explained=explained(each.metric for each in found.comparison.metrics),
        facts=[facts_of(each.about()) for each in (first, second)],
        folders=[each.out.absolute().name for each in (first, second)],
        distributions=[
            distribution(each.metric, _differences(each.metric, pairs), each.difference)
            for each in found.comparison.metrics
        ],
        charts=[
            subject_chart(each.metric, {one.name: one.differences[each.metric] for one in found.subjects}, 0.0)
            for each in found.comparison.metrics
            if found.subjects
        ],
        shown=shown,
        command=shlex.join(["studio", "evaluate", "compare", str(found.one), str(found.other)]),
    )


def _differences(metric: str, pairs: Pairs) -> list[float]:
    return [other.scores[metric] - one.scores[metric] for one, other in pairs.values()]


def _subjects(pairs: Pairs, metrics: list[str]) -> tuple[SubjectDifference, ...]:
    names = subjects_of(one for one, _ in pairs.values())
    own = {name: [pair for pair in pairs.values() if name in pair[0].subjects] for name in names}
    return tuple(_subject(name, found, metrics) for name, found in own.items())


def _subject(name: str, pairs: list[tuple[Row, Row]], metrics: list[str]) -> SubjectDifference:
    differences = {}
    for metric in metrics:
        both = [(value_of(one, metric, name), value_of(other, metric, name)) for one, other in pairs]
        known = [(one, other) for one, other in both if one is not None and other is not None]
        differences[metric] = paired([one for one, _ in known], [other for _, other in known])
    return SubjectDifference(name, len(pairs), differences)
