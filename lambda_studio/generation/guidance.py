"""Guidance towards a condition, for every decoder."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lambda_studio.models.decoders.protocol import Condition

Denoise = Callable[[Tensor, Tensor], Tensor]
"""Predicts, from latents and their timestep, the scheduler's model output: noise, and perhaps its variance."""
ConditionedDenoise = Callable[[Tensor, Tensor, Condition], Tensor]
"""The same under a condition, like `Decoder.denoise`."""


def guided(denoise: ConditionedDenoise, condition: Condition, negative: Condition, scale: float) -> Denoise:
    """Return `denoise` under a condition, guided away from `negative` (classifier-free: Ho & Salimans 2022, Eq. 6).

    `scale` has diffusers' meaning: 1 is no guidance and does not use `negative`. Otherwise both run in one batch.
    Channels that follow the noise (a learned variance) are those of `condition`.
    """
    if scale == 1:
        return lambda latents, timestep: denoise(latents, timestep, condition)
    both = {name: torch.cat([negative[name], positive]) for name, positive in condition.items()}

    def denoise_guided(
        latents: Float[Tensor, "batch channel h w"], timestep: Int[Tensor, ""]
    ) -> Float[Tensor, "batch predicted h w"]:
        without, towards = denoise(torch.cat([latents, latents]), timestep, both).chunk(2)
        channels = latents.shape[1]
        noise = without[:, :channels] + scale * (towards[:, :channels] - without[:, :channels])
        return torch.cat([noise, towards[:, channels:]], dim=1) if towards.shape[1] > channels else noise

    return denoise_guided
