"""ConceptBed's concept confidence deviation, from an oracle's confidences. No torch is imported.

The published table and the published code have opposite signs, so the sign has a name here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Literal

from lambda_studio.config import require
from lambda_studio.evaluation.statistics import Interval, interval

Convention = Literal["paper", "repo"]
"""The sign. `paper`: real less drawn, as in ConceptBed's tables, lower is better. `repo`: drawn less real."""
Reference = Literal["global", "class"]
"""The real pictures of a drawn one: all of them, as in ConceptBed's code, or those of its class."""
REFERENCES: dict[str, Reference] = {"global": "global", "class": "class"}
Confidences = Mapping[str, Sequence[float]]
"""The oracle's probability of the right answer for each picture, by class."""


@dataclass(frozen=True)
class Ccd:
    """A deviation. Below zero, the oracle is surer of drawn pictures than of real ones."""

    ccd: float
    """Real less drawn, the sign of the paper's tables."""
    ccd_repo: float
    """Drawn less real, the sign of ConceptBed's code."""
    interval: Interval
    """Of `ccd` over the drawn pictures. The real ones are taken as they are."""
    drawn: float
    """The mean confidence for drawn pictures."""
    real: float
    """The mean confidence for real pictures; with a reference by class, weighted as the drawn ones are."""
    reference: Reference
    pictures: int
    real_pictures: int
    by_class: Mapping[str, float] = field(default_factory=dict)
    """`ccd` of each class."""


@dataclass(frozen=True)
class FolderCcd:
    """The deviation of a folder of pictures from a folder of real ones."""

    oracle: str
    """The name of the network that read them."""
    result: Ccd


def ccd(
    drawn: Confidences, real: Confidences, reference: Reference = "global", convention: Convention = "paper"
) -> float:
    """Return the mean deviation over the drawn pictures.

    Raises InvalidSetting if there are no pictures, or, by class, a class without real ones.
    """
    found = [value for values in deviations(drawn, real, reference, convention).values() for value in values]
    return fmean(found)


def deviations(
    drawn: Confidences, real: Confidences, reference: Reference = "global", convention: Convention = "paper"
) -> dict[str, list[float]]:
    """Return the deviation of each drawn picture, by class. Raises as `ccd`."""
    _require_pictures(drawn, real, reference)
    overall = fmean([value for values in real.values() for value in values])
    found = {}
    for name, values in drawn.items():
        expected = fmean(real[name]) if reference == "class" and values else overall
        found[name] = [expected - value if convention == "paper" else value - expected for value in values]
    return found


def deviation(drawn: Confidences, real: Confidences, reference: Reference = "global") -> Ccd:
    """Return the deviation with its interval and its parts. Raises as `ccd`."""
    by_class = {name: values for name, values in deviations(drawn, real, reference).items() if values}
    every = [value for values in by_class.values() for value in values]
    confidence = fmean([value for values in drawn.values() for value in values])
    mean = fmean(every)
    return Ccd(
        ccd=mean,
        ccd_repo=0.0 - mean,  # not -0.0
        interval=interval(every),
        drawn=confidence,
        real=confidence + mean,
        reference=reference,
        pictures=len(every),
        real_pictures=sum(map(len, real.values())),
        by_class={name: fmean(values) for name, values in by_class.items()},
    )


def average(columns: Sequence[float]) -> float:
    """Return the plain mean of columns, which is the column `Average` of the published tables."""
    return fmean(columns)


def checked_reference(named: str) -> Reference:
    """Return a reference by its name. Raises InvalidSetting."""
    require(named in REFERENCES, f"The reference is {named!r}.", f"Give one of: {' '.join(REFERENCES)}.", "reference")
    return REFERENCES[named]


def _require_pictures(drawn: Confidences, real: Confidences, reference: Reference) -> None:
    for kind, found in (("drawn", drawn), ("real", real)):
        require(any(found.values()), f"There are no {kind} pictures.", "Give at least one.")
    lacking = [name for name, values in drawn.items() if values and not real.get(name)]
    cause = f"There are no real pictures of {', '.join(lacking)}."
    require(
        reference == "global" or not lacking, cause, "Add some, or compare with all: reference=global.", "reference"
    )
