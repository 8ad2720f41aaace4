"""Randomness that is a function of a seed and of the place where it is used."""

import torch


def seeded(seed: int, *words: str | int) -> torch.Generator:
    """A generator that is a function of the recipe's seed and where it is used."""
    mixed = seed
    for word in words:
        for byte in str(word).encode() + b"|":
            mixed = (mixed * 1099511628211 ^ byte) % (1 << 63)
    return torch.Generator().manual_seed(mixed)
