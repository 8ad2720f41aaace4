"""Compare two evaluations, picture by picture."""

from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from statistics import fmean

from lambda_studio.config import require
from lambda_studio.evaluation.statistics import FEWEST, Interval, paired
from lambda_studio.workflows.benchmarks.differing import differences, listed
from lambda_studio.workflows.benchmarks.results_folder import ResultsFolder, Row

SAME = ("name", "protocol")
"""Facts of `evaluation.json` without which two evaluations cannot be compared."""
ROUNDING = 5e-5
"""A smaller difference is shown as 0.0000, and is rounding: no difference of the pictures."""


@dataclass(frozen=True)
class MetricComparison:
    """One metric in both evaluations."""

    metric: str
    one: float
    other: float
    difference: Interval
    """Of `other` less `one`, over subjects."""

    @property
    def is_clear(self) -> bool:
        """Whether there is an interval that does not contain zero, and the difference is more than rounding."""
        ends = self.difference.ends
        return ends is not None and (ends[0] > 0 or ends[1] < 0) and abs(self.difference.mean) >= ROUNDING


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

    Raises InvalidSetting for a folder without an evaluation, for evaluations of different kinds or of ccd, and if no
    picture or no metric is in both.
    """
    folders = ResultsFolder(one), ResultsFolder(other)
    about = [folder.about() for folder in folders]
    unlike = [each for fact in SAME for each in differences(about[0].get(fact), about[1].get(fact), fact)]
    cause = f"{one} and {other} differ in their protocols: {listed(unlike, '{0} is {1}, and {2} in the other')}."
    require(not unlike, cause, "Compare evaluations of the same benchmark and protocol.")
    cause = f"{one} and {other} have evaluations of ccd, whose results are deviations from real pictures."
    shown = " and ".join(f"studio evaluate ccd --out {quote(str(each))}" for each in (one, other))
    require(about[0].get("name") != "ccd", cause, f"See the table of each: {shown}")
    first, second = (folder.rows() for folder in folders)
    common = [key for key in first if key in second]
    require(bool(common), f"{one} and {other} have no picture in common.", "Evaluate the same subjects and prompts.")
    pairs = [(first[key], second[key]) for key in common]
    metrics = [name for name in pairs[0][0].scores if all(name in row.scores for pair in pairs for row in pair)]
    require(bool(metrics), f"{one} and {other} have no metric in common.", "Evaluate both with the same metrics.")
    versions = [each.get("versions") for each in about]
    others = () if versions[0] == versions[1] else ("They were made with different versions of libraries.",)
    subjects = len({row.subjects for row, _ in pairs})
    return EvaluationComparison(
        pictures=len(common),
        subjects=subjects,
        only_one=len(first) - len(common),
        only_other=len(second) - len(common),
        metrics=tuple(_metric(name, pairs) for name in metrics),
        notes=(*(f"{note} Without one, no difference is clear." for note in without_interval(subjects)), *others),
    )


def without_interval(subjects: int) -> tuple[str, ...]:
    """Return the note about an evaluation of so few subjects that its numbers have no intervals."""
    if subjects >= FEWEST:
        return ()
    there = "There is 1 subject" if subjects == 1 else f"There are {subjects} subjects"
    return (f"{there}, and an interval needs at least {FEWEST}.",)


def _metric(name: str, pairs: list[tuple[Row, Row]]) -> MetricComparison:
    one, other = ([row.scores[name] for row in rows] for rows in zip(*pairs, strict=True))
    difference = paired(one, other, [row.subjects for row, _ in pairs])
    return MetricComparison(name, fmean(one), fmean(other), difference)
