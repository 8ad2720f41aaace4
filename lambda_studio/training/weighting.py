"""Loss weighting: functions that give an objective the weight of each timestep's error."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

Weighting = Callable[[Int[Tensor, " batch"]], Float[Tensor, " batch"]]
"""A function from timesteps to the weights of their errors."""


def uniform(timesteps: Int[Tensor, " batch"]) -> Float[Tensor, " batch"]:
    """Weight every timestep by 1, as Eq. 2 does."""
    return torch.ones(len(timesteps), device=timesteps.device)


def truncated_snr(alphas_cumprod: Float[Tensor, " timestep"], most: float) -> Weighting:
    """Return the weighting by max(noise / picture, 1), at most `most` (Salimans & Ho, 2022, section 4).

    At timesteps with more noise than picture, the weighted noise error equals the picture error.
    """
    weights = ((1 - alphas_cumprod) / alphas_cumprod).clamp(1, most)
    return lambda timesteps: weights.to(timesteps.device)[timesteps]
