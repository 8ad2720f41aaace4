"""The training of the decoder: noise prediction from the embeddings of pictures."""

import torch
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from lambda_studio.miniature.recipe.fast import Fast, layout
from lambda_studio.miniature.recipe.networks import build_scheduler
from lambda_studio.miniature.recipe.stage import LossOf
from lambda_studio.miniature.world.seeding import seeded
from lambda_studio.models.decoders.kandinsky import predict_noise
from lambda_studio.training.objectives.weighting import truncated_snr

NOISIEST_WEIGHT = 20.0
"""The largest weight of the decoder's error: in the noisiest pictures, relative to clear pictures."""


def decoder_stage(
    unet: nn.Module,
    latents: Float[Tensor, "picture 4 16 16"],
    image_embeds: Float[Tensor, "picture dim"],
    zero_image_embeds: Float[Tensor, " dim"],
    weights: Float[Tensor, "picture 16 16"],
    alone: Bool[Tensor, " picture"],
    seed: int,
    batch_size: int,
    unconditional: float = 0.1,
    compiled: bool = False,
    device: str = "cpu",
) -> LossOf:
    """Return the noise-prediction loss, from the picture's embedding, plain or whitened, or the zero-image embedding.

    The zero-image embedding has the share `unconditional`. The error is weighted by `focus`. Half of the timesteps are
    drawn near the middle, where shapes form. Half of the pictures show one large subject `alone`, and half show
    several: both kinds are required. At timesteps with more noise than picture, the picture's error counts (truncated
    SNR, Salimans & Ho, 2022, section 4), at most `NOISIEST_WEIGHT` times the noise's error. These timesteps decide the
    content, and the noise is predictable without the content. No weight changes the optimal prediction.
    """
    scheduler = build_scheduler()
    weighting = truncated_snr(scheduler.alphas_cumprod, NOISIEST_WEIGHT)
    run = Fast(_NoisePrediction(unet), compiled)
    latents, image_embeds, weights = (table.to(device) for table in (latents, image_embeds, weights))
    zero, alone = zero_image_embeds.to(device), alone.to(device)
    large, company = alone.nonzero()[:, 0], (~alone).nonzero()[:, 0]
    middling = torch.arange(batch_size, device=device) % 4 < 2

    def loss_of(step: int) -> dict[str, Tensor]:
        generator = seeded(seed, "decoder", step, device=device)
        rows = torch.empty(batch_size, dtype=torch.int64, device=device)
        for first, among in enumerate((large, company)):
            shape = rows[first::2].shape
            rows[first::2] = among[torch.randint(len(among), shape, generator=generator, device=device)]
        times = torch.rand(batch_size, 2, generator=generator, device=device)
        times = times.mean(1).where(middling, times[:, 0])
        timesteps = (times * scheduler.config.num_train_timesteps).long()
        noise = torch.randn(batch_size, *latents.shape[1:], generator=generator, device=device)
        dropped = torch.rand(batch_size, 1, generator=generator, device=device) < unconditional
        embeds = torch.where(dropped, zero, image_embeds[rows].float())
        noisy = scheduler.add_noise(latents[rows].float(), noise, timesteps)
        noise_pred = run(noisy.contiguous(memory_format=layout(device)), timesteps, embeds).float()
        error = (noise_pred - noise).pow(2)
        weight = weights[rows, None].float() * rearrange(weighting(timesteps), "b -> b 1 1 1")
        return {"loss": (error * weight).mean(), "error": error.mean()}

    return loss_of


class _NoisePrediction(nn.Module):
    """The UNet's noise prediction from noisy latents and image embeddings."""

    def __init__(self, unet: nn.Module):
        super().__init__()
        self.unet = unet

    def forward(self, noisy_latents: Tensor, timesteps: Tensor, image_embeds: Tensor) -> Tensor:
        """Return the output without the channels of the variance."""
        return predict_noise(self.unet, noisy_latents, timesteps, image_embeds)[:, : noisy_latents.shape[1]]
