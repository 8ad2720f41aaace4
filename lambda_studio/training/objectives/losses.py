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
    """The settings of Eq. 1. The paper gives only λ."""

    contrastive_weight: float = 0.2
    """λ."""
    temperature: float = 0.07
    """τ."""
    similarity: Literal["cosine", "inner"] = "cosine"
    """The similarity of a prediction and a text."""
    reduction: Literal["mean", "sum"] = "mean"
    """The reduction of the projection error over the embedding's dimensions."""


EQ_1 = PriorLossConfig()


def prior_loss(
    image_embeds_pred: Float[Tensor, "batch dim"],
    image_embeds: Float[Tensor, "batch dim"],
    text_embeds: Float[Tensor, "batch dim"],
    config: PriorLossConfig = EQ_1,
) -> Float[Tensor, ""]:
    """Return λ-ECLIPSE's Eq. 1: projection error plus λ times InfoNCE of each prediction against the batch's texts.

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
    masks: Float[Tensor, "batch height width"] | None = None,
) -> Float[Tensor, ""]:
    """Return λ-ECLIPSE's Eq. 2: the noise-prediction error on the first channels of the UNet's output (not variance).

    Args:
        weights: one weight per sample. None weights all by 1 and rounds exactly as the plain mean.
        masks: one weight per latent. Each sample's error is then (error * mask).sum() / mask.sum(), so that small and
            large subjects count alike, in batches of every size. None weights all by 1.
    """
    noise_pred, noise = noise_pred[:, : noise.shape[1]].float(), noise.float()
    if weights is None and masks is None:
        return F.mse_loss(noise_pred, noise)
    errors = reduce((noise_pred - noise).pow(2), "batch channels height width -> batch height width", "mean")
    masks = torch.ones_like(errors) if masks is None else masks
    per_sample = reduce(errors * masks, "batch height width -> batch", "sum") / reduce(
        masks, "batch height width -> batch", "sum"
    )
    return per_sample.mean() if weights is None else (weights * per_sample).mean()
