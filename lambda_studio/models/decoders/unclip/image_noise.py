"""Stable unCLIP's image condition: an embedding with noise of a known level."""

import torch
from diffusers.models.embeddings import get_timestep_embedding
from jaxtyping import Float
from torch import Tensor, nn


class ImageNoise(nn.Module):
    """Adds noise of one level to CLIP embeddings, and tells the UNet the level. It is computed in float32.

    Args:
        mean, std: of the embeddings of CLIP, by which they are normalised while noise is added.
        alphas_cumprod: the noise schedule of the embeddings.
        noise_level: the timestep of that schedule.
    """

    mean: Tensor
    std: Tensor
    level: Tensor
    kept: Tensor

    def __init__(
        self,
        mean: Float[Tensor, "1 dim"],
        std: Float[Tensor, "1 dim"],
        alphas_cumprod: Float[Tensor, " timestep"],
        noise_level: int,
    ):
        super().__init__()
        timestep, dim = torch.tensor([noise_level]), mean.shape[1]
        self.register_buffer("mean", mean.detach().float())
        self.register_buffer("std", std.detach().float())
        self.register_buffer("kept", alphas_cumprod[timestep].float())
        self.register_buffer("level", get_timestep_embedding(timestep, dim, True, downscale_freq_shift=0))

    def forward(
        self, image_embeds: Float[Tensor, "batch dim"], noise: Float[Tensor, "batch dim"] | None
    ) -> Float[Tensor, "batch twice"]:
        """Return each embedding with its noise, and behind it the level's embedding. No noise is the mean of all."""
        noisy = self.kept.sqrt() * ((image_embeds - self.mean) / self.std)
        if noise is not None:
            noisy = noisy + (1 - self.kept).sqrt() * noise
        noisy = noisy * self.std + self.mean
        return torch.cat([noisy, self.level.expand(len(noisy), -1)], dim=1)
