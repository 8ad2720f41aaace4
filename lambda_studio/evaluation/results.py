"""The results of metrics, as plain values. No torch is imported."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Matrix:
    """A value for each pair of subjects. None: a subject with one reference cannot be compared with itself."""

    names: tuple[str, ...]
    rows: tuple[tuple[float | None, ...], ...]

    def value(self, row: str, column: str) -> float | None:
        """Return the value of a pair."""
        return self.rows[self.names.index(row)][self.names.index(column)]


@dataclass(frozen=True)
class Collapse:
    """How often subjects are lost in pictures of `subjects` subjects."""

    subjects: int
    pictures: int
    rate: float
    """The share of lost subjects, over all subjects of all pictures."""
    by_subject: Mapping[str, float]


@dataclass(frozen=True)
class Copies:
    """How near drawn pictures are to the photographs that were trained on."""

    nearest: float
    """The mean similarity of a drawn picture with its nearest photograph."""
    rate: float | None
    """The share of pictures that are nearer to a photograph than any two photographs to each other; None for one."""


@dataclass(frozen=True)
class Drift:
    """The mean distance (1 less the cosine similarity) of pictures of the same prompts without a subject."""

    adapter: float
    """Of the same seed with and without the adapter."""
    seeds: float
    """Of two seeds without the adapter: what chance alone changes."""
