"""How much an adapter changes pictures that it should leave alone."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from lambda_studio.evaluation.results import Drift


def drift(
    base: Float[Tensor, "prompt dim"], other_seeds: Float[Tensor, "prompt dim"], adapted: Float[Tensor, "prompt dim"]
) -> Drift:
    """Return the drift of an adapter, from embeddings of whole pictures, row by row of the same prompt.

    PEFT's benchmark of image generation reports such a drift beside the likeness. The distance of two seeds is ours.
    """
    return Drift(_distance(base, adapted), _distance(base, other_seeds))


def _distance(one: Float[Tensor, "prompt dim"], other: Float[Tensor, "prompt dim"]) -> float:
    return float((1 - F.cosine_similarity(one, other)).mean())
