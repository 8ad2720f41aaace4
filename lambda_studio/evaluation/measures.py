"""The protocols of metrics, and the metrics of a stack."""

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float
from PIL import Image
from torch import Tensor
from typing_extensions import Protocol, runtime_checkable


@dataclass(frozen=True)
class View:
    """A picture of a subject, in RGB."""

    image: Image.Image
    noun: str
    """The subject's noun."""
    mask: Image.Image | None = None
    """The subject's mask, if it is known."""


@runtime_checkable
class Likeness(Protocol):
    """A metric of how much two pictures show the same subject: the cosine similarity of two embeddings."""

    @property
    def name(self) -> str:
        """The metric's name in reports."""
        ...

    def embed(self, views: Sequence[View]) -> Float[Tensor, "view dim"]:
        """Return an embedding of length 1 for each view, in float32 on the CPU."""
        ...


@runtime_checkable
class Composition(Protocol):
    """A metric of how well a picture shows the words of its prompt."""

    @property
    def name(self) -> str:
        """The metric's name in reports."""
        ...

    def score(self, images: Sequence[Image.Image], texts: Sequence[str]) -> Float[Tensor, " image"]:
        """Return the score of each picture and its prompt, in which nouns stand for subjects."""
        ...


@runtime_checkable
class Distance(Protocol):
    """A metric of how far a set of pictures is from a set of real ones. It needs many pictures."""

    @property
    def name(self) -> str:
        """The metric's name in reports."""
        ...

    def embed(self, images: Sequence[Image.Image]) -> Float[Tensor, "image dim"]:
        """Return the features of each picture, in float32 on the CPU."""
        ...

    def distance(self, drawn: Float[Tensor, "drawn dim"], real: Float[Tensor, "real dim"]) -> float:
        """Return the distance of two sets of features; 0 is the same distribution."""
        ...


@dataclass(frozen=True)
class Judges:
    """The metrics of a stack."""

    likenesses: tuple[Likeness, ...]
    """The first one decides, for instance which checkpoint is kept. Reports have all."""
    composition: Composition
    picture: Likeness
    """The metric of whole pictures, with their backgrounds: for drift, and for copies of photographs."""
    notes: tuple[str, ...] = ()
    """What is missing, and how it comes."""

    @property
    def likeness(self) -> Likeness:
        """The metric that decides."""
        return self.likenesses[0]
