"""The distributions that timesteps are drawn from."""

from collections.abc import Callable
from typing import Literal

import torch
from jaxtyping import Int
from torch import Tensor

TimestepSampling = Callable[[int, int, torch.Generator], Int[Tensor, " batch"]]
"""A function that draws a batch of timesteps: from (batch, number of timesteps, generator)."""


def uniform_timesteps(batch: int, steps: int, generator: torch.Generator) -> Int[Tensor, " batch"]:
    """Draw every timestep with the same probability, as Eq. 2 does."""
    return torch.randint(steps, (batch,), generator=generator)


def logit_normal_timesteps(batch: int, steps: int, generator: torch.Generator) -> Int[Tensor, " batch"]:
    """Draw the middle timesteps more often: t / T is the sigmoid of a standard normal value.

    Source: Esser et al., 2024, section 3.1, with mean 0 and deviation 1.
    """
    share = torch.randn((batch,), generator=generator).sigmoid()
    return (share * steps).long().clamp(max=steps - 1)


def sampling_named(name: Literal["uniform", "logit-normal"]) -> TimestepSampling:
    """Return the distribution of this name."""
    return logit_normal_timesteps if name == "logit-normal" else uniform_timesteps
