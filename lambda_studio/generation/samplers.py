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
from lambda_studio.generation.inputs import Batch
from lambda_studio.generation.known import Known, known_latents, picture_condition
from lambda_studio.models.decoders.deep_cache import DeepCache
from lambda_studio.models.decoders.protocol import Decoder, first_weight

SCHEDULERS: dict[str, tuple[str, dict[str, Any]]] = {
    "ddpm": ("DDPMScheduler", {"variance_type": "fixed_small"}),
    "dpm++2m": ("DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver++", "solver_order": 2}),
    "unipc": ("UniPCMultistepScheduler", {}),
    "euler": ("EulerDiscreteScheduler", {}),
    "lcm": ("LCMScheduler", {}),
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
    """Draw one picture for each embedding, in 0..1, as `sample_batch`."""
    return sample_batch(decoder, Batch(image_embeds, negative_image_embeds, seeds), config, on_step)


def sample_batch(
    decoder: Decoder, batch: Batch, config: GenerateConfig, on_step: OnStep | None = None
) -> Float[Tensor, "batch 3 height width"]:
    """Draw one picture for each embedding, in 0..1. Except for rounding, picture i does not depend on the others.

    The result equals that of the family's pipeline in diffusers with the same scheduler and one CPU generator for each
    picture; but with Euler's, whose latents KandinskyV22Pipeline does not scale. Outside of a mask, the photograph has
    its own pixels.

    Raises InvalidSetting if the decoder does not support the size, the number of steps, the given pictures, or
    `deep_cache_interval`.
    """
    generators = [torch.Generator("cpu").manual_seed(seed) for seed in batch.seeds]
    latents = sample_latents(decoder, batch, config, generators, on_step)
    pixels = decoder.decode(latents, config.decode_in_tiles, generators)
    return batch.inputs.onto_photograph(pixels, fade=max(1, decoder.scale_factor // 2))


def sample_latents(
    decoder: Decoder,
    batch: Batch,
    config: GenerateConfig,
    generators: Sequence[torch.Generator],
    on_step: OnStep | None = None,
) -> Float[Tensor, "batch channel h w"]:
    """Denoise the latents of `sample_batch`, whose noise is each picture's generator's."""
    ancestral = config.sampler == "ddpm" and decoder.learns_variance
    scheduler = schedule_of(decoder.scheduler, config, ancestral)
    shape, rows = (1, *decoder.latent_shape(config.size(decoder.resolution))), len(batch.seeds)
    with torch.inference_mode():
        known = known_latents(decoder, batch.inputs, config)
        pictures = picture_condition(decoder, batch.inputs, known, rows)
        condition = decoder.condition(batch.image_embeds, generators)
        noise = torch.cat([torch.randn(shape, generator=generator, dtype=torch.float32) for generator in generators])
        negative = decoder.condition(batch.negative_image_embeds.expand(rows, -1))
        predict = partial(decoder.denoise, variance=True) if ancestral else decoder.denoise
        if config.deep_cache_interval > 1:
            unet = DeepCache(decoder.unet, config.deep_cache_interval, config.steps_run)
            predict = partial(predict, unet=unet)
        denoise = guided(predict, {**condition, **pictures}, {**negative, **pictures}, config.guidance_scale)
        latents = noise.to(first_weight(decoder.unet))
        if config.sampler == "ddim":
            latents = ddim(denoise, scheduler, latents, scheduler.timesteps.tolist(), on_step, known)
        else:
            latents = walk(denoise, scheduler, latents, generators, on_step, known)
    return latents.clone()


def walk(
    denoise: Denoise,
    scheduler: Any,
    latents: Float[Tensor, "batch channel h w"],
    generators: Sequence[torch.Generator],
    on_step: OnStep | None = None,
    known: Known | None = None,
) -> Float[Tensor, "batch channel h w"]:
    """Denoise noise by a scheduler of diffusers with `timesteps` set. Each picture's noise is its generator's.

    `known` is a photograph, from which the steps begin that it does not skip.
    """
    noise, count, skipped = latents, len(scheduler.timesteps), known.skipped if known else 0
    latents = known.start(scheduler, noise) if known else noise * scheduler.init_noise_sigma
    named = signature(scheduler.step).parameters
    more: dict[str, Any] = {"generator": list(generators)} if "generator" in named else {}
    for step, timestep in list(enumerate(scheduler.timesteps))[skipped:]:
        scaled = scheduler.scale_model_input(latents, timestep)
        prediction = denoise(scaled, timestep.round().to(latents.device, torch.long))
        if "prev_timestep" in named:
            more["prev_timestep"] = scheduler.timesteps[step + 1] if step + 1 < count else None
        latents = scheduler.step(prediction, timestep, latents, **more, return_dict=False)[0]
        latents = known.settled(latents, scheduler, noise, step) if known else latents
        if on_step:
            on_step(step + 1 - skipped, count - skipped)
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
    known: Known | None = None,
) -> Float[Tensor, "batch channel h w"]:
    """Denoise noise by DDIM (Song et al. 2020, Eq. 12, without noise) at these timesteps of a `ddim_schedule`.

    `known` is a photograph, from which the steps begin that it does not skip.
    """
    noise, skipped = latents, known.skipped if known else 0
    latents = known.start(scheduler, noise) if known else noise
    for step, timestep in list(enumerate(timesteps))[skipped:]:
        prediction = denoise(latents, torch.tensor(timestep, device=latents.device))
        latents = scheduler.step(prediction, timestep, latents, return_dict=False)[0]
        latents = known.settled(latents, scheduler, noise, step) if known else latents
        if on_step:
            on_step(step + 1 - skipped, len(timesteps) - skipped)
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
