"""The published Subject Collapse Rate of an evaluation: how many subjects its pictures lost."""

from collections import Counter
from pathlib import Path

from lambda_studio.config import require
from lambda_studio.evaluation.collapse import PUBLISHED_THRESHOLD, subject_collapse_rate
from lambda_studio.evaluation.statistics import interval
from lambda_studio.workflows.answers.benchmarks import SubjectCollapse
from lambda_studio.workflows.benchmarks.comparisons.comparing import without_interval
from lambda_studio.workflows.benchmarks.reports.summary import notes_of
from lambda_studio.workflows.benchmarks.results.results_folder import PICTURES, ResultsFolder, Row

METRIC = "dinov2-vits14"
"""The network of the published threshold."""


def collapse_of(folder: Path, threshold: float = PUBLISHED_THRESHOLD) -> SubjectCollapse:
    """Return the Subject Collapse Rate of a benchmark's evaluation, which may be incomplete.

    Raises InvalidSetting for a folder without an evaluation, for one without scores of DINOv2, and for a threshold that
    is no cosine.
    """
    require(-1 <= threshold <= 1, f"The threshold is {threshold}.", "Give a cosine, such as 0.7.", "threshold")
    results = ResultsFolder(folder)
    about, rows = results.about(), results.rows()
    seen = [(row.subjects[0], name, _likeness(row, name)) for row in rows.values() for name in row.subjects]
    known = [(first, name, value) for first, name, value in seen if value is not None]
    cause = f"{folder} has no similarities by {METRIC}, whose threshold is the published one."
    again = f"studio evaluate multibench DIR --dino {METRIC} --score-only {results.out / PICTURES} --out NEW"
    require(bool(known) and len(known) == len(seen), cause, f"Score its pictures anew: {again}")
    firsts, names, values = zip(*known, strict=True)
    lost = [float(value < threshold) for value in values]
    of_each = {name: [value for _, each, value in known if each == name] for name in dict.fromkeys(names)}
    return SubjectCollapse(
        folder=folder,
        benchmark=str(about["name"]),
        metric=METRIC,
        threshold=threshold,
        pictures=len(rows),
        subjects=len(known),
        rate=subject_collapse_rate(values, threshold),
        interval=interval(lost, firsts, weights=Counter(firsts)),
        by_subject={name: subject_collapse_rate(each, threshold) for name, each in of_each.items()},
        notes=(*without_interval(len(set(firsts))), *notes_of(results, about, rows)),
    )


def _likeness(row: Row, name: str) -> float | None:
    """Return the picture's likeness as this subject, or None if it was measured by another network."""
    return row.by_subject.get(name, row.scores).get(METRIC)
