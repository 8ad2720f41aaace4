"""Create random generators that depend on a seed and on their use."""

import torch


def seeded(seed: int, *words: str | int, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a generator on `device` that depends only on the seed and the words. Devices draw different numbers."""
    mixed = seed
    for word in words:
        for byte in str(word).encode() + b"|":
            mixed = (mixed * 1099511628211 ^ byte) % (1 << 63)
    return torch.Generator(device).manual_seed(mixed)
