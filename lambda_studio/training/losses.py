"""The two losses of λ-ECLIPSE."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def prior_loss(
    image_embeds_pred: Float[Tensor, "batch dim"],
    image_embeds: Float[Tensor, "batch dim"],
    text_embeds: Float[Tensor, "batch dim"],
    contrastive_weight: float = 0.2,
    temperature: float = 0.07,
    similarity: str = "cosine",
    reduction: str = "mean",
) -> Float[Tensor, ""]:
    """λ-ECLIPSE, Eq. 1: the projection error plus λ times InfoNCE of each prediction against every text in the batch.

    The paper leaves open whether the error is a `sum` or a `mean` over `dim`, whether the similarity is `cosine` or
    `inner`, and the temperature τ: all three are arguments. `text_embeds` are pooled and never overwritten.
    """
    error = (image_embeds_pred - image_embeds).pow(2)
    projection = error.mean() if reduction == "mean" else error.sum(-1).mean()
    queries, keys = image_embeds_pred, text_embeds
    if similarity == "cosine":
        queries, keys = F.normalize(queries, dim=-1), F.normalize(keys, dim=-1)
    logits = queries @ keys.T / temperature
    return projection + contrastive_weight * F.cross_entropy(logits, torch.arange(len(logits), device=logits.device))


def decoder_loss(
    noise_pred: Float[Tensor, "batch channels2 height width"], noise: Float[Tensor, "batch channels height width"]
) -> Float[Tensor, ""]:
    """λ-ECLIPSE, Eq. 2: the noise-prediction error, on the UNet's first four output channels; the rest is variance."""
    return F.mse_loss(noise_pred[:, : noise.shape[1]].float(), noise.float())
