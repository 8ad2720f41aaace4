"""Answers about drawn pictures."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class DrawnPicture:
    """A picture file and its seed."""

    path: Path
    seed: int


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
