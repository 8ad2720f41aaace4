"""Enlarge a small picture by diffusion, as Karlo does."""

from typing import Any

import torch
import torch.nn.functional as F
from diffusers.schedulers.scheduling_unclip import UnCLIPScheduler
from jaxtyping import Float
from torch import Tensor


def enlarge(
    small: Float[Tensor, "1 channel h w"],
    factor: int,
    networks: tuple[Any, Any],
    scheduler: UnCLIPScheduler,
    steps: int,
    generator: torch.Generator,
) -> Float[Tensor, "1 channel height width"]:
    """Return the picture `factor` times as high and wide, in -1..1 as `small`.

    Args:
        networks: the UNet of all steps but the last, and that of the last one. Both see the picture, enlarged smoothly.
        generator: of the noise, on the CPU.
    """
    schedule: Any = UnCLIPScheduler.from_config(scheduler.config)
    schedule.set_timesteps(steps)
    sides = [side * factor for side in small.shape[-2:]]
    smooth = F.interpolate(small.float(), size=sides, mode="bicubic", antialias=True).to(small.dtype)
    noisy = torch.randn(smooth.shape, generator=generator).to(smooth)
    for timestep, following in zip(schedule.timesteps, [*schedule.timesteps[1:], None], strict=True):
        network = networks[1] if following is None else networks[0]
        noise = network(torch.cat([noisy, smooth], dim=1), timestep.to(noisy.device), return_dict=False)[0]
        noisy = schedule.step(noise, timestep, noisy, following, generator, return_dict=False)[0]
    return noisy
