"""Answers about drawn pictures."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class DrawnPicture:
    """A picture file and its seed."""

    path: Path
    seed: int
    likeness: dict[str, dict[str, float]] = field(default_factory=dict)
    """How much it is like each of its concepts, by the concept's name and the metric's: see `GenerateConfig.score`."""


@dataclass(frozen=True)
class DrawnAdapter:
    """An adapter of a picture, and the factor of its update."""

    id: int
    sha256: str
    scale: float


@dataclass(frozen=True)
class Drawn:
    """The pictures of one prompt, with the stack and the adapters that drew them."""

    prompt: str
    pictures: tuple[DrawnPicture, ...]
    stack: str
    adapter: int | None
    """The first adapter's number."""
    stale: bool
    height: int
    width: int
    adapters: tuple[DrawnAdapter, ...] = ()


@dataclass(frozen=True)
class DrawnAgain:
    """A picture that was drawn again from its own texts."""

    drawn: Drawn
    changes: tuple[str, ...]
    """What is different since the picture was drawn, and from what its texts say."""
    same: bool | None
    """Whether the first new picture has the same pixels; None if it has another size."""
