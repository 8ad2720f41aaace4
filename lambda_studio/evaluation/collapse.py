"""How often a subject is lost in a picture of several.

The published rate (`subject_collapse_rate`) counts subjects whose similarity falls below a fixed threshold of DINOv2.
The thresholds of `collapse` are each subject's own, so that the rate has a meaning for every metric.
"""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from lambda_studio.evaluation.results import Collapse
from lambda_studio.evaluation.similarity import Embeddings, likeness, matrix_of_references

PUBLISHED_THRESHOLD = 0.7
"""Of DINOv2's similarity. Other networks have other similarities."""


def subject_collapse_rate(likenesses: Sequence[float], threshold: float = PUBLISHED_THRESHOLD) -> float:
    """Return the Subject Collapse Rate: the share of subjects, over all pictures, that are less alike than a threshold.

    Args:
        likenesses: for each subject of each picture, its similarity with its references by `dinov2-vits14`.
        threshold: the least similarity of a subject that counts as drawn.

    Raises ValueError if there are no subjects.
    """
    if not likenesses:
        raise ValueError("there are no subjects to count")
    return float((torch.tensor(likenesses) < threshold).double().mean())


def thresholds(references: Embeddings) -> dict[str, float]:
    """Return the least likeness with which a subject counts as drawn.

    It is halfway between the likeness of its own references with each other and the likeness of the nearest other
    subject's references. A subject with one reference has the mean of the others' in place of its own.
    """
    real = matrix_of_references(references)
    own = {name: real.value(name, name) for name in real.names}
    known = [value for value in own.values() if value is not None]
    typical = sum(known) / len(known) if known else 1.0
    found = {}
    for name, value in own.items():
        others = [other for each in real.names if each != name and (other := real.value(each, name)) is not None]
        mine = typical if value is None else value
        found[name] = (mine + max(others, default=0.0)) / 2
    return found


def collapse(
    drawn: Sequence[Mapping[str, Float[Tensor, " dim"]]], references: Embeddings, least: Mapping[str, float]
) -> Collapse:
    """Return how often subjects are lost.

    Args:
        drawn: for each picture, its embedding as each of its subjects.
        references: the embeddings of the subjects' references.
        least: `thresholds`.
    """
    lost: dict[str, list[bool]] = {}
    for picture in drawn:
        for name, embedding in picture.items():
            lost.setdefault(name, []).append(likeness(embedding[None], references[name]) < least[name])
    every = [each for of_one in lost.values() for each in of_one]
    rates = {name: sum(of_one) / len(of_one) for name, of_one in lost.items()}
    return Collapse(len(drawn[0]), len(drawn), sum(every) / len(every), rates)
