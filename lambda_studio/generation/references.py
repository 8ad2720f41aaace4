"""Which of a subject's reference images make its embedding: all, some by number, a typical one, or each in turn."""

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from lambda_studio.generation.conditioning import blend
from lambda_studio.generation.prompt import BoundPrompt


def subject_embeds(
    prompt: BoundPrompt, references: Mapping[str, Sequence[Float[Tensor, " dim"]]], how: str, seed: int
) -> dict[str, Float[Tensor, " dim"]]:
    """Return the embedding of each subject of a prompt, by `Span.subject`.

    Args:
        references: the embeddings of each concept's reference images, by its name.
        how: `GenerateConfig.references`.
        seed: the picture's seed.
    """
    found: dict[str, Tensor] = {}
    for span in prompt.spans:
        of_all = references[span.name]
        chosen = [of_all[number - 1] for number in span.images] if span.images else of_all
        found[span.subject] = blended(torch.stack(list(chosen)), how, seed)
    return found


def blended(image_embeds: Float[Tensor, "image dim"], how: str, seed: int) -> Float[Tensor, " dim"]:
    """Return the mean of embeddings, the one nearest to their mean ("nearest"), or one by the seed ("each")."""
    if how == "each":
        return image_embeds[seed % len(image_embeds)]
    mean = blend(image_embeds)
    if how == "nearest":
        return image_embeds[F.cosine_similarity(image_embeds, mean[None]).argmax()]
    return mean
