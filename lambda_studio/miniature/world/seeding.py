"""Seeded random generators, and draws from them."""

import torch
from torch import Tensor


def seeded(seed: int, *words: str | int, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a generator on `device` that depends only on the seed and the words. Devices draw different numbers."""
    mixed = seed
    for word in words:
        for byte in str(word).encode() + b"|":
            mixed = (mixed * 1099511628211 ^ byte) % (1 << 63)
    return torch.Generator(device).manual_seed(mixed)


def uniform(generator: torch.Generator, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
    """Return numbers that are evenly distributed between `low` and `high`."""
    return torch.rand(*shape, generator=generator) * (high - low) + low


def choose(generator: torch.Generator, count: int, *shape: int) -> Tensor:
    """Return numbers of 0..count-1, each as likely as the others."""
    return torch.randint(count, shape, generator=generator)
