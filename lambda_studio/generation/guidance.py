"""Guidance: how far a picture is pushed towards its condition, whatever the decoder."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lambda_studio.models.decoders.protocol import Condition

Denoise = Callable[[Tensor, Tensor], Tensor]
"""Predicts, from latents and their timestep, what a scheduler takes off them."""
ConditionedDenoise = Callable[[Tensor, Tensor, Condition], Tensor]
"""The same under a condition, as `Decoder.denoise`."""


def guided(denoise: ConditionedDenoise, condition: Condition, negative: Condition, scale: float) -> Denoise:
    """Return `denoise` under a condition, guided away from `negative` (classifier-free: Ho & Salimans 2022, Eq. 6).

    `scale` is as diffusers has it: 1 is no guidance, and `negative` is then not asked. Else both go in one batch.
    """
    if scale == 1:
        return lambda latents, timestep: denoise(latents, timestep, condition)
    both = {name: torch.cat([negative[name], positive]) for name, positive in condition.items()}

    def denoise_guided(
        latents: Float[Tensor, "batch channel h w"], timestep: Int[Tensor, ""]
    ) -> Float[Tensor, "batch channel h w"]:
        without, towards = denoise(torch.cat([latents, latents]), timestep, both).chunk(2)
        return without + scale * (towards - without)

    return denoise_guided
