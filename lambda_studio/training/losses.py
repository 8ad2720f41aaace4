"""The two losses of λ-ECLIPSE."""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from einops import reduce
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class PriorLossConfig:
    """What Eq. 1 is computed with. The paper gives λ and leaves the rest open."""

    contrastive_weight: float = 0.2
    """λ."""
    temperature: float = 0.07
    """τ."""
    similarity: Literal["cosine", "inner"] = "cosine"
    """Between a prediction and a text."""
    reduction: Literal["mean", "sum"] = "mean"
    """Of the projection error, over the embedding's dimensions."""


EQ_1 = PriorLossConfig()


def prior_loss(
    image_embeds_pred: Float[Tensor, "batch dim"],
    image_embeds: Float[Tensor, "batch dim"],
    text_embeds: Float[Tensor, "batch dim"],
    config: PriorLossConfig = EQ_1,
) -> Float[Tensor, ""]:
    """λ-ECLIPSE, Eq. 1: the projection error plus λ times InfoNCE of each prediction against every text in the batch.

    `text_embeds` are pooled and never overwritten.
    """
    error = (image_embeds_pred - image_embeds).pow(2)
    projection = error.mean() if config.reduction == "mean" else error.sum(-1).mean()
    queries, keys = image_embeds_pred, text_embeds
    if config.similarity == "cosine":
        queries, keys = F.normalize(queries, dim=-1), F.normalize(keys, dim=-1)
    logits = queries @ keys.T / config.temperature
    contrast = F.cross_entropy(logits, torch.arange(len(logits), device=logits.device))
    return projection + config.contrastive_weight * contrast


def decoder_loss(
    noise_pred: Float[Tensor, "batch channels2 height width"],
    noise: Float[Tensor, "batch channels height width"],
    weights: Float[Tensor, " batch"] | None = None,
) -> Float[Tensor, ""]:
    """λ-ECLIPSE, Eq. 2: the noise-prediction error, on the UNet's first four output channels; the rest is variance.

    `weights` are those of the samples; None weights all by 1, and rounds as the plain mean does.
    """
    noise_pred, noise = noise_pred[:, : noise.shape[1]].float(), noise.float()
    if weights is None:
        return F.mse_loss(noise_pred, noise)
    per_sample = reduce((noise_pred - noise).pow(2), "batch channels height width -> batch", "mean")
    return (weights * per_sample).mean()
