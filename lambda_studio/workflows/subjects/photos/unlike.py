"""Find the image whose subject is unlike the other images of its concept: another subject, or a wrong mask."""

import shlex
from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from concepts.records import ConceptRecord

UNLIKE = 0.25
"""An image is unlike the others if its mean cosine to them is this much lower than theirs to each other."""
FEWEST = 4
"""With fewer images nobody can tell which one is unlike the others."""


def unlike_warnings(concept: ConceptRecord, embeddings: Sequence[Float[Tensor, " dim"]]) -> Iterator[str]:
    """Yield a warning for each image that is unlike the others.

    Args:
        embeddings: CLIP's embedding of the cut-out subject in each image.
    """
    if len(embeddings) < FEWEST:
        return
    views, name = F.normalize(torch.stack([*embeddings]).float(), dim=-1), shlex.quote(concept.name)
    for at, image in enumerate(concept.images):
        others = torch.cat([views[:at], views[at + 1 :]])
        to_others, among = float((others @ views[at]).mean()), mean_cosine(others)
        if among - to_others > UNLIKE:
            cosines = f"{to_others:.2f} like them, they {among:.2f} like each other"
            look = f"studio concepts show {name} --sheet {name}.png"
            yield f"image {at + 1} ({image.source_name}): unlike the others ({cosines}). Is its mask right? {look}"


def mean_cosine(views: Float[Tensor, "image dim"]) -> float:
    """Return the mean cosine between two different rows of length 1."""
    return float((views @ views.T).fill_diagonal_(0).sum()) / (len(views) * (len(views) - 1))
