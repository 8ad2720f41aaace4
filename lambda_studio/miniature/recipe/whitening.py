"""Embeddings as the decoder's training sees them: all that a picture tells at about one strength.

CLIP's numbers vary a hundred times more in what tells a place or a noun than in what tells a second subject's colour.
"""

from dataclasses import dataclass

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from jaxtyping import Float
from torch import Tensor

FLOOR = 0.1
"""What is added to every variance, in mean variances: directions below it are noise, and stay faint."""


@dataclass(frozen=True)
class Whitening:
    """`whitened = (embeds - mean) @ matrix`.

    The matrix is symmetric: it scales along the principal axes and rotates nothing. Axes have no sign of their own, and
    a training that goes on elsewhere must meet the same numbers.
    """

    mean: Float[Tensor, " dim"]
    matrix: Float[Tensor, "dim dim"]

    @classmethod
    def of(cls, embeds: Float[Tensor, "picture dim"]) -> "Whitening":
        """Fitted to these embeddings."""
        variances, axes = torch.linalg.eigh(torch.cov(embeds.float().T))
        scale = (variances.clamp_min(0) + FLOOR * variances.mean()).sqrt()
        return cls(embeds.float().mean(0), axes / scale @ axes.T)

    def __call__(self, embeds: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch dim"]:
        """The embeddings whitened, in float32."""
        return (embeds.float() - self.mean) @ self.matrix

    @torch.no_grad()
    def fold_into(self, unet: UNet2DConditionModel) -> None:
        """Make a UNet that was trained on whitened embeddings one that takes plain ones, and draws the same."""
        for linear in (unet.encoder_hid_proj.image_embeds, unet.add_embedding.image_proj):
            linear.weight.copy_(linear.weight @ self.matrix)
            linear.bias.sub_(linear.weight @ self.mean)
