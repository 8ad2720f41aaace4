"""Sample pictures from noise, for every decoder."""

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from inspect import signature
from typing import Any

import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from jaxtyping import Float
from torch import Tensor

from lambda_studio.config import GenerateConfig, require
from lambda_studio.generation.guidance import Denoise, guided
from lambda_studio.models.decoders.deep_cache import DeepCache
from lambda_studio.models.decoders.protocol import Decoder

SCHEDULERS: dict[str, tuple[str, dict[str, Any]]] = {
    "ddpm": ("DDPMScheduler", {"variance_type": "fixed_small"}),
    "dpm++2m": ("DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver++", "solver_order": 2}),
    "unipc": ("UniPCMultistepScheduler", {}),
    "euler": ("EulerDiscreteScheduler", {}),
}
"""The class of each sampler in diffusers, and what differs from the decoder's own settings."""
LEARNED: tuple[str, dict[str, Any]] = ("UnCLIPScheduler", {"variance_type": "learned_range"})
"""The same of `ddpm` for decoders that learn the variance of its steps: the scheduler of Karlo's release."""
OnStep = Callable[[int, int], None]
"""Called after each denoising step with the number of steps done, and their total."""


def sample(
    decoder: Decoder,
    image_embeds: Float[Tensor, "batch dim"],
    negative_image_embeds: Float[Tensor, " dim"] | Float[Tensor, "batch dim"],
    seeds: Sequence[int],
    config: GenerateConfig,
    on_step: OnStep | None = None,
) -> Float[Tensor, "batch 3 height width"]:
    """Draw one picture for each embedding, in 0..1. Except for rounding, picture i does not depend on the others.

    The result equals that of the family's pipeline in diffusers with the same scheduler and one CPU generator for each
    picture; but with Euler's, whose latents KandinskyV22Pipeline does not scale.

    Args:
        negative_image_embeds: what guidance leads away from, one for all pictures or one for each.

    Raises InvalidSetting if the decoder does not support the size, the number of steps, or `deep_cache_interval`.
    """
    ancestral = config.sampler == "ddpm" and decoder.learns_variance
    scheduler = schedule_of(decoder.scheduler, config, ancestral)
    shape = (1, *decoder.latent_shape(config.size(decoder.resolution)))
    generators = [torch.Generator("cpu").manual_seed(seed) for seed in seeds]
    with torch.inference_mode():
        condition = decoder.condition(image_embeds, generators)
        noise = torch.cat([torch.randn(shape, generator=generator, dtype=torch.float32) for generator in generators])
        negative = decoder.condition(negative_image_embeds.expand(len(seeds), -1))
        predict = partial(decoder.denoise, variance=True) if ancestral else decoder.denoise
        if config.deep_cache_interval > 1:
            unet = DeepCache(decoder.unet, config.deep_cache_interval, len(scheduler.timesteps))
            predict = partial(predict, unet=unet)
        denoise = guided(predict, condition, negative, config.guidance_scale)
        latents = noise.to(decoder.unet.device, decoder.unet.dtype)
        if config.sampler == "ddim":
            latents = ddim(denoise, scheduler, latents, scheduler.timesteps.tolist(), on_step)
        else:
            latents = walk(denoise, scheduler, latents, generators, on_step)
    return decoder.decode(latents.clone(), config.decode_in_tiles, generators)


def walk(
    denoise: Denoise,
    scheduler: Any,
    latents: Float[Tensor, "batch channel h w"],
    generators: Sequence[torch.Generator],
    on_step: OnStep | None = None,
) -> Float[Tensor, "batch channel h w"]:
    """Denoise latents by a scheduler of diffusers with `timesteps` set. Each picture's noise is its generator's."""
    latents, count = latents * scheduler.init_noise_sigma, len(scheduler.timesteps)
    named = signature(scheduler.step).parameters
    more: dict[str, Any] = {"generator": list(generators)} if "generator" in named else {}
    for step, timestep in enumerate(scheduler.timesteps):
        scaled = scheduler.scale_model_input(latents, timestep)
        prediction = denoise(scaled, timestep.round().to(latents.device, torch.long))
        if "prev_timestep" in named:
            more["prev_timestep"] = scheduler.timesteps[step + 1] if step + 1 < count else None
        latents = scheduler.step(prediction, timestep, latents, **more, return_dict=False)[0]
        if on_step:
            on_step(step + 1, count)
    return latents


def schedule_of(scheduler: Any, config: GenerateConfig, learned_variance: bool = False) -> Any:
    """Return the sampler's scheduler with the decoder's noise schedule and `timesteps` set.

    `learned_variance` is for `ddpm`: each prediction has the variance too, between its bounds (Nichol & Dhariwal 2021,
    Eq. 15). Raises InvalidSetting for more steps than the schedule has.
    """
    if config.sampler == "ddim":
        return ddim_schedule(scheduler, config.num_inference_steps)
    kind, changes = LEARNED if learned_variance else SCHEDULERS[config.sampler]
    spaced: Any = getattr(diffusers_schedulers(), kind).from_config(scheduler.config, **changes)
    limit, steps = spaced.config["num_train_timesteps"], config.num_inference_steps
    require(steps < limit, f"num_inference_steps is {steps}.", f"Give less than {limit}.", "num_inference_steps")
    enough = steps > 1 or not learned_variance
    require(enough, f"num_inference_steps is {steps}.", "This decoder's ddpm takes 2 or more.", "num_inference_steps")
    with warnings.catch_warnings():  # diffusers makes arrays of tensors as numpy before 2 did
        warnings.simplefilter("ignore", DeprecationWarning)
        spaced.set_timesteps(steps)
    return spaced


def diffusers_schedulers() -> Any:
    """Import diffusers' schedulers, which DDIM alone does not need."""
    return import_module("diffusers.schedulers")


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
