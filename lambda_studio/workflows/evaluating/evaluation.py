"""The evaluation of an adapter, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass

from lambda_studio.evaluation.results import Collapse, Copies, Drift, Matrix

BLEEDS = 0.05
"""From this much more likeness on, pictures drawn as one concept are said to be too much like another."""
LIKE_AT_ALL = 0.3
"""With less likeness than this, two subjects have nothing in common, and a difference means nothing."""


@dataclass(frozen=True)
class ConceptEvaluation:
    """How well one concept is drawn alone. `before` is the decoder without the adapter."""

    name: str
    likeness: Mapping[str, float]
    """The mean similarity with the concept's reference images, by each metric."""
    likeness_before: Mapping[str, float]
    real: Mapping[str, float | None]
    """The same of its reference images with each other; None for a single one."""
    composition: float
    composition_before: float
    copies: Copies
    copies_before: Copies


@dataclass(frozen=True)
class Bleed:
    """Pictures drawn as `drawn` are more like `like` than the photographs of both are like each other."""

    drawn: str
    like: str
    more: float
    before: float
    """The same without the adapter."""


@dataclass(frozen=True)
class AdapterEvaluation:
    """How well an adapter draws its concepts, and what else it changes."""

    adapter: int
    stack: str
    pictures: int
    """Pictures of each concept alone."""
    metrics: Mapping[str, str]
    """The metric of `likeness` that decides, and of `composition`."""
    concepts: tuple[ConceptEvaluation, ...]
    drawn: Matrix
    """The likeness of pictures drawn as each concept (rows) with the reference images of each (columns)."""
    real: Matrix
    """The same of reference images (rows) in place of drawn pictures."""
    bleeding: Matrix
    """`drawn` less `real`."""
    bleeding_before: Matrix
    collapse: tuple[Collapse, ...]
    """For two and for three concepts in one picture, if the adapter knows as many."""
    collapse_before: tuple[Collapse, ...]
    drift: Drift
    update_size: float | None
    """The norm of its update divided by the norm of the weights that it changes; None if it was not measured."""
    vanishes: bool
    """Its update is too small for bf16: it changes nothing."""
    notes: tuple[str, ...] = ()

    @property
    def bleeds(self) -> tuple[Bleed, ...]:
        """The pairs of concepts that bleed, the worst first."""
        names, before = self.bleeding.names, self.bleeding_before
        pairs = [
            Bleed(one, other, more, before.value(one, other) or 0.0)
            for one in names
            for other in names
            if one != other
            and (self.drawn.value(one, other) or 0.0) >= LIKE_AT_ALL
            and (more := self.bleeding.value(one, other) or 0.0) >= BLEEDS
        ]
        return tuple(sorted(pairs, key=lambda pair: -pair.more))
