"""Whitened embeddings for the decoder's training: all content of a picture has about the same variance.

In CLIP's embeddings a place or a noun has a hundred times the variance of a second subject's colour.
"""

from dataclasses import dataclass

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from jaxtyping import Float
from torch import Tensor, nn

FLOOR = 0.1
"""The share of the mean variance that is added to every variance: weaker directions are noise and stay weak."""


@dataclass(frozen=True)
class Whitening:
    """The affine map `whitened = (embeds - mean) @ matrix`.

    The matrix is symmetric: it scales along the principal axes without rotation. The sign of an axis is arbitrary, and
    a training that resumes on another machine needs the same values.
    """

    mean: Float[Tensor, " dim"]
    matrix: Float[Tensor, "dim dim"]

    @classmethod
    def of(cls, embeds: Float[Tensor, "picture dim"], floor: float = FLOOR) -> "Whitening":
        """Return the whitening that is fitted to these embeddings."""
        variances, axes = torch.linalg.eigh(torch.cov(embeds.float().T))
        scale = (variances.clamp_min(0) + floor * variances.mean()).sqrt()
        return cls(embeds.float().mean(0), axes / scale @ axes.T)

    def to(self, device: torch.device | str) -> "Whitening":
        """Return the whitening on a device."""
        return Whitening(self.mean.to(device), self.matrix.to(device))

    def __call__(self, embeds: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch dim"]:
        """Return the whitened embeddings, in float32."""
        return (embeds.float() - self.mean) @ self.matrix

    @torch.no_grad()
    def unfold_from(self, *layers: nn.Linear) -> None:
        """Convert layers that read plain embeddings to whitened ones, without a change of their output."""
        inverse = torch.linalg.inv(self.matrix.double()).float()
        for layer in layers:
            layer.bias.add_(layer.weight @ self.mean)
            layer.weight.copy_(layer.weight @ inverse)

    @torch.no_grad()
    def fold_into(self, *layers: nn.Linear) -> None:
        """Convert layers that read whitened embeddings to plain ones, without a change of their output."""
        for layer in layers:
            layer.weight.copy_(layer.weight @ self.matrix)
            layer.bias.sub_(layer.weight @ self.mean)


def readers(unet: UNet2DConditionModel) -> tuple[nn.Linear, nn.Linear]:
    """Return the layers of a UNet that read an image embedding."""
    return unet.encoder_hid_proj.image_embeds, unet.add_embedding.image_proj
