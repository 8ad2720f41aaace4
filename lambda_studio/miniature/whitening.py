"""Embeddings as the decoder's training sees them: all that a picture tells at about one strength.

CLIP's numbers vary a hundred times more in what tells a place or a noun than in what tells a second subject's colour.
"""

from dataclasses import dataclass

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from jaxtyping import Float
from torch import Tensor, nn

FLOOR = 0.1
"""What is added to every variance, in mean variances: directions below it are noise, and stay faint."""


@dataclass(frozen=True)
class Whitening:
    """`whitened = (embeds - mean) @ matrix`, where `matrix` rotates to principal axes and scales these."""

    mean: Float[Tensor, " dim"]
    axes: Float[Tensor, "dim dim"]
    scale: Float[Tensor, " dim"]

    @classmethod
    def of(cls, embeds: Float[Tensor, "picture dim"]) -> "Whitening":
        """Fitted to these embeddings."""
        variances, axes = torch.linalg.eigh(torch.cov(embeds.float().T))
        scale = variances.clamp_min(0) + FLOOR * variances.mean()
        return cls(embeds.float().mean(0), axes, scale.sqrt())

    def __call__(self, embeds: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch dim"]:
        """The embeddings whitened, in float32."""
        return (embeds.float() - self.mean) @ self.axes / self.scale

    @torch.no_grad()
    def fold_into(self, unet: UNet2DConditionModel) -> None:
        """Make a UNet that was trained on whitened embeddings one that takes plain ones, and draws the same."""
        for linear in (unet.encoder_hid_proj.image_embeds, unet.add_embedding.image_proj):
            self._fold(linear)

    def _fold(self, linear: nn.Linear) -> None:
        linear.weight.copy_(linear.weight / self.scale @ self.axes.T)
        linear.bias.sub_(linear.weight @ self.mean)
