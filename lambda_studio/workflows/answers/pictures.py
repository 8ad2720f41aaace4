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
    given: dict[str, str] = field(default_factory=dict)
    """The SHA-256 of each picture file that it was given, by its role: edges, from_image, mask, depth."""
    edge_map: Path | None = None
    """The file of the edges that it follows, if `GenerateConfig.save_edges`."""


@dataclass(frozen=True)
class Interpolated:
    """Pictures between prompts, row by row."""

    prompts: tuple[str, ...]
    pictures: tuple[Path, ...]
    columns: int
    sheet: Path
    seed: int
    evenness: float
    """The mean over the largest change between neighbours, in 0..1: 1 is an even change, 0 a jump."""
    stack: str
    adapters: tuple[DrawnAdapter, ...] = ()
    animation: Path | None = None
    """The file of `Pictures.animate`, if it was asked for."""


@dataclass(frozen=True)
class Reconstructed:
    """Pictures of what an embedding alone keeps of a picture or of a concept."""

    source: str
    pictures: tuple[DrawnPicture, ...]
    """`likeness` is the cosine similarity of their own embedding and the source's, by the name CLIP-I."""
    sheet: Path
    stack: str


@dataclass(frozen=True)
class DrawnAgain:
    """A picture that was drawn again from its own texts."""

    drawn: Drawn
    changes: tuple[str, ...]
    """What is different since the picture was drawn, and from what its texts say."""
    difference: int | None
    """The largest difference of the first new picture's values, of 255. 0 is the same picture; None: not compared."""
