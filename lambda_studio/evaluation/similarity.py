"""Similarities of sets of pictures, from their embeddings of length 1."""

from collections.abc import Mapping, Sequence

from einops import einsum
from jaxtyping import Float
from torch import Tensor

from lambda_studio.evaluation.results import Matrix

Embeddings = Mapping[str, Float[Tensor, "_ dim"]]
"""The embeddings of each subject's pictures, by its name."""


def similarities(one: Float[Tensor, "one dim"], other: Float[Tensor, "other dim"]) -> Float[Tensor, "one other"]:
    """Return the cosine similarity of every pair."""
    return einsum(one, other, "one dim, other dim -> one other")


def likeness(drawn: Float[Tensor, "drawn dim"], references: Float[Tensor, "reference dim"]) -> float:
    """Return the mean similarity of all pairs of a drawn picture and a reference (DreamBooth, section 4.2)."""
    return float(similarities(drawn, references).mean())


def likeness_within(references: Float[Tensor, "reference dim"]) -> float | None:
    """Return the mean similarity of all pairs of two different references, or None for a single reference."""
    count = len(references)
    if count < 2:
        return None
    pairs = similarities(references, references)
    return float((pairs.sum() - pairs.diagonal().sum()) / (count * (count - 1)))


def matrix_of_drawn(drawn: Embeddings, references: Embeddings) -> Matrix:
    """Return the likeness of pictures drawn as A (rows) with the references of B (columns)."""
    rows = tuple(tuple(likeness(drawn[one], references[other]) for other in references) for one in drawn)
    return Matrix(tuple(drawn), rows)


def matrix_of_references(references: Embeddings) -> Matrix:
    """Return the likeness of the references of A with the references of B, without pairs of a picture with itself."""

    def value(one: str, other: str) -> float | None:
        return likeness_within(references[one]) if one == other else likeness(references[one], references[other])

    return Matrix(tuple(references), tuple(tuple(value(one, other) for other in references) for one in references))


def bleeding(drawn: Matrix, real: Matrix) -> Matrix:
    """Return how much more pictures drawn as A are like B than photographs of A are.

    This is MultiBind's difference of matrices (Tian et al., 2026). MultiBind matches the people of one picture and has
    a network for each of face, appearance, pose and expression. Here one network compares whole pictures.
    """
    pairs: Sequence[tuple[Sequence[float | None], Sequence[float | None]]] = list(
        zip(drawn.rows, real.rows, strict=True)
    )
    return Matrix(drawn.names, tuple(tuple(map(_less, ours, theirs)) for ours, theirs in pairs))


def _less(drawn: float | None, real: float | None) -> float | None:
    return None if drawn is None or real is None else drawn - real
