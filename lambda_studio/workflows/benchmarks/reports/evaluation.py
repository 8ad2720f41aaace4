"""The report of one evaluation."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from lambda_studio.config import require
from lambda_studio.pictures.door import PictureDoor
from lambda_studio.workflows.benchmarks.comparisons.comparable import labels
from lambda_studio.workflows.benchmarks.comparisons.comparing import without_interval
from lambda_studio.workflows.benchmarks.reports.charts import Distribution, SubjectChart, distribution, subject_chart
from lambda_studio.workflows.benchmarks.reports.explained import explained
from lambda_studio.workflows.benchmarks.reports.extremes import ScoredPicture, extremes
from lambda_studio.workflows.benchmarks.reports.facts import facts_of
from lambda_studio.workflows.benchmarks.reports.page import identity_of, place_of, render, write_page
from lambda_studio.workflows.benchmarks.reports.summary import (
    MetricSummary,
    SubjectSummary,
    metric_summaries,
    notes_of,
    subject_summaries,
)
from lambda_studio.workflows.benchmarks.reports.thumbnails import Thumbnails
from lambda_studio.workflows.benchmarks.results.results_folder import ResultsFolder, Row
from lambda_studio.workflows.benchmarks.results.scores import unit_of
from lambda_studio.workflows.benchmarks.results.table import KeptTable, read_table

NAME = "report.html"


@dataclass(frozen=True)
class EvaluationReport:
    """What a report says of an evaluation, and its page."""

    path: Path
    evaluation: dict[str, Any]
    """The content of `evaluation.json`."""
    pictures: int
    metrics: tuple[MetricSummary, ...]
    subjects: tuple[SubjectSummary, ...]
    extremes: tuple[ScoredPicture, ...]
    notes: tuple[str, ...] = ()
    table: KeptTable | None = None
    """The row of real photographs, with the day and the command of the finished table; None if there is none."""


def report_evaluation(folder: Path, out: Path | None, door: PictureDoor) -> EvaluationReport:
    """Write the page of an evaluation, by default as `report.html` into its folder, and return its numbers.

    Raises InvalidSetting for a folder without an evaluation or with one of ccd, and for a wrong `out`; OutputExists;
    DecoderNotStarted.
    """
    results = ResultsFolder(folder)
    about = results.about()
    cause = f"{folder} has an evaluation of ccd. Its pictures have confidences, and its result is their deviation."
    require(about.get("name") != "ccd", cause, f"See its table: studio evaluate ccd --out {shlex.quote(str(folder))}")
    path = place_of(out or folder, NAME)
    by_key = results.rows()
    rows = list(by_key.values())
    subjects = len(set(map(unit_of, rows)))
    found = EvaluationReport(
        path=path,
        evaluation=about,
        pictures=len(rows),
        metrics=metric_summaries(rows, about),
        subjects=subject_summaries(rows),
        extremes=extremes(rows),
        notes=(*labels(about), *notes_of(results, about, by_key), *(without_interval(subjects) if subjects else ())),
        table=read_table(results),
    )
    page = html_of(found, rows, results, door)
    return replace(found, path=write_page(page, path, identity_of(results)))


def html_of(found: EvaluationReport, rows: Sequence[Row], folder: ResultsFolder, door: PictureDoor) -> str:
    """Return the page of an evaluation."""
    thumbnails = Thumbnails(door)
    shown = {
        metric: [
            (rank, [(each, thumbnails.of(folder, each.key)) for each in pictures])
            for rank, pictures in groupby(of_metric, key=lambda each: each.rank)
        ]
        for metric, of_metric in groupby(found.extremes, key=lambda each: each.metric)
    }
    return render(
        "evaluation.html",
        identity_of(folder),
        facts=facts_of(found.evaluation),
        found=found,
        explained=explained(each.metric for each in found.metrics),
        folder=folder.out.absolute().name,
        distributions=distributions(found.metrics, rows),
        charts=charts(found),
        shown=shown,
        command=f"studio evaluate compare {shlex.quote(str(folder.out))} OTHER",
        side_by_side=f"studio evaluate report {shlex.quote(str(folder.out))} OTHER",
    )


def distributions(metrics: Sequence[MetricSummary], rows: Sequence[Row]) -> list[Distribution]:
    """Return the plot of each metric's values."""
    return [
        distribution(each.metric, [row.scores[each.metric] for row in rows if each.metric in row.scores], each.interval)
        for each in metrics
    ]


def charts(found: EvaluationReport) -> list[SubjectChart]:
    """Return the plot of each metric's subjects."""
    return [
        subject_chart(
            each.metric,
            {subject.name: subject.means[each.metric] for subject in found.subjects if each.metric in subject.means},
            each.interval.mean,
        )
        for each in metrics_with_subjects(found)
    ]


def metrics_with_subjects(found: EvaluationReport) -> list[MetricSummary]:
    """Return the metrics that a subject has. Pictures without subjects have a metric too."""
    return [each for each in found.metrics if any(each.metric in subject.means for subject in found.subjects)]
