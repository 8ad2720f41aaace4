"""Answers of benchmarks, as plain values. No torch is imported."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lambda_studio.evaluation.statistics import Interval


@dataclass(frozen=True)
class WrittenPrompts:
    """A file of Multibench's prompts."""

    path: Path
    together: int
    compositions: int
    """Compositions of categories that have a prompt."""
    of_compositions: int
    """Compositions of the whole benchmark."""
    prompts: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class MetricOfSets:
    """The distance of two sets by one metric."""

    value: float
    """0 is the same distribution."""
    network: str
    """The network of the features."""
    weights: str
    """The SHA-256 of its weights."""
    note: str = ""
    """Why the value must be read with care, if the sets are small."""


@dataclass(frozen=True)
class SetDistances:
    """The distances of a folder of pictures from a folder of real ones."""

    drawn: Path
    real: Path
    drawn_pictures: int
    real_pictures: int
    metrics: Mapping[str, MetricOfSets]


@dataclass(frozen=True)
class SubjectCollapse:
    """The share of subjects that are not to be recognised in the pictures that should show them."""

    folder: Path
    benchmark: str
    metric: str
    threshold: float
    """The least similarity of a subject that counts as drawn."""
    pictures: int
    subjects: int
    """The subjects of all pictures: two in each picture of two."""
    rate: float
    interval: Interval
    """Of `rate`: a bootstrap over the first subjects of the pictures."""
    by_subject: Mapping[str, float]
    notes: tuple[str, ...] = ()
