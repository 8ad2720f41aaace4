"""Loss weighting: functions that give an objective the weight of each timestep's error."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

Weighting = Callable[[Int[Tensor, " batch"]], Float[Tensor, " batch"]]
"""A function from timesteps to the weights of their errors."""


def uniform(timesteps: Int[Tensor, " batch"]) -> Float[Tensor, " batch"]:
    """Weight every timestep by 1, as Eq. 2 does."""
    return torch.ones(len(timesteps), device=timesteps.device)


def min_snr(alphas_cumprod: Float[Tensor, " timestep"], gamma: float, soft: bool = False) -> Weighting:
    """Return the weighting of a noise error by min(SNR, γ) / SNR (Hang et al., 2023, section 3.4).

    SNR is ᾱ / (1 - ᾱ). `soft` has γ·SNR / (SNR + γ) in the minimum's place, which makes γ / (SNR + γ): Soft-Min-SNR
    (Crowson et al., 2024), whose weight of the picture's error is 1 / (1 / SNR + 1 / γ).
    """
    snr = alphas_cumprod / (1 - alphas_cumprod)
    weights = gamma / (snr + gamma) if soft else (gamma / snr).clamp(max=1)
    return lambda timesteps: weights.to(timesteps.device)[timesteps]


def weighting_of(scheduler: Any, snr_gamma: float | None, soft: bool) -> Weighting:
    """Return the weighting that these settings of fine-tuning name, for the schedule's `prediction_type`.

    A velocity's error is the noise's divided by ᾱ, and a picture's is the noise's divided by SNR.
    """
    if snr_gamma is None:
        return uniform
    alphas_cumprod, kind = scheduler.alphas_cumprod, scheduler.config.prediction_type
    of_noise = min_snr(alphas_cumprod, snr_gamma, soft)
    if kind == "epsilon":
        return of_noise
    factors = alphas_cumprod if kind == "v_prediction" else alphas_cumprod / (1 - alphas_cumprod)
    return lambda timesteps: of_noise(timesteps) * factors.to(timesteps.device)[timesteps]


def truncated_snr(alphas_cumprod: Float[Tensor, " timestep"], most: float) -> Weighting:
    """Return the weighting by max(noise / picture, 1), at most `most` (Salimans & Ho, 2022, section 4).

    At timesteps with more noise than picture, the weighted noise error equals the picture error.
    """
    weights = ((1 - alphas_cumprod) / alphas_cumprod).clamp(1, most)
    return lambda timesteps: weights.to(timesteps.device)[timesteps]
