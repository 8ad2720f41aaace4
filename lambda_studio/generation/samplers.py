"""Sample pictures from noise, for every decoder."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from einops import repeat
from jaxtyping import Float
from torch import Tensor

from lambda_studio.config import GenerateConfig, require
from lambda_studio.generation.guidance import Denoise, guided
from lambda_studio.models.decoders.protocol import Decoder

OnStep = Callable[[int, int], None]
"""Called after each denoising step with the number of steps done, and their total."""


def sample(
    decoder: Decoder,
    image_embeds: Float[Tensor, "batch dim"],
    negative_image_embeds: Float[Tensor, " dim"],
    seeds: Sequence[int],
    config: GenerateConfig,
    on_step: OnStep | None = None,
) -> Float[Tensor, "batch 3 height width"]:
    """Draw one picture for each embedding, in 0..1. Except for rounding, picture i does not depend on the others.

    With Kandinsky's decoder the result equals diffusers' KandinskyV22Pipeline with the same scheduler and one CPU
    generator for each picture. Raises InvalidSetting if the decoder does not support the size or number of steps.
    """
    scheduler = ddim_schedule(decoder.scheduler, config.num_inference_steps)
    shape = (1, *decoder.latent_shape(config.size(decoder.resolution)))
    noise = torch.cat([seeded_noise(seed, shape) for seed in seeds])
    with torch.inference_mode():
        condition = decoder.condition(image_embeds)
        negative = decoder.condition(repeat(negative_image_embeds, "d -> b d", b=len(seeds)))
        denoise = guided(decoder.denoise, condition, negative, config.guidance_scale)
        latents = noise.to(decoder.unet.device, decoder.unet.dtype)
        latents = ddim(denoise, scheduler, latents, scheduler.timesteps.tolist(), on_step)
    return decoder.decode(latents.clone(), config.decode_in_tiles)


def ddim(
    denoise: Denoise,
    scheduler: DDIMScheduler,
    latents: Float[Tensor, "batch channel h w"],
    timesteps: Sequence[int],
    on_step: OnStep | None = None,
) -> Float[Tensor, "batch channel h w"]:
    """Denoise latents by DDIM (Song et al. 2020, Eq. 12, without noise) at these timesteps of a `ddim_schedule`."""
    for step, timestep in enumerate(timesteps):
        prediction = denoise(latents, torch.tensor(timestep, device=latents.device))
        latents = scheduler.step(prediction, timestep, latents, return_dict=False)[0]
        if on_step:
            on_step(step + 1, len(timesteps))
    return latents


def ddim_schedule(scheduler: Any, num_inference_steps: int) -> DDIMScheduler:
    """Return a DDIM scheduler with the decoder's noise schedule and `timesteps` set. The decoder's own is not changed.

    Raises InvalidSetting for more steps than the schedule has.
    """
    spaced = DDIMScheduler.from_config(scheduler.config)
    spaced.set_timesteps(num_inference_steps)
    limit = spaced.config["num_train_timesteps"]
    fits, field = int(spaced.timesteps.max()) < limit, "num_inference_steps"
    require(fits, f"{field} is {num_inference_steps}.", f"Give less than {limit}.", field)
    return spaced


def seeded_noise(seed: int, shape: tuple[int, ...]) -> Float[Tensor, "..."]:
    """Return standard normal noise that is the same on every device."""
    return torch.randn(shape, generator=torch.Generator("cpu").manual_seed(seed), dtype=torch.float32)
