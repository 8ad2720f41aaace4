"""Paths between image embeddings, and how evenly pictures change along them (λ-ECLIPSE, Figure 7)."""

from collections.abc import Sequence
from statistics import fmean

import numpy as np
import torch
from einops import einsum, rearrange
from jaxtyping import Float
from PIL import Image
from torch import Tensor


def path(
    start: Float[Tensor, "*batch dim"], end: Float[Tensor, "*batch dim"], count: int, spherical: bool = False
) -> Float[Tensor, "count *batch dim"]:
    """Return `count` embeddings from start to end, both included.

    Args:
        spherical: turn the direction evenly, and change the length evenly, in place of the shortest way.
    """
    shares = torch.linspace(0, 1, count).to(start).reshape(-1, *[1] * start.ndim)
    straight = torch.lerp(start, end, shares)
    if not spherical:
        return straight
    lengths = start.norm(dim=-1, keepdim=True), end.norm(dim=-1, keepdim=True)
    one, other = start / lengths[0].clamp_min(1e-12), end / lengths[1].clamp_min(1e-12)
    angle = einsum(one, other, "... dim, ... dim -> ...").clamp(-1, 1).acos()[..., None]
    turned = (((1 - shares) * angle).sin() * one + (shares * angle).sin() * other) / angle.sin().clamp_min(1e-12)
    found = turned * torch.lerp(*lengths, shares)
    return torch.where(angle.sin() > 1e-4, found, straight)  # equal and opposite directions have no one way


def grid(corners: Float[Tensor, "4 dim"], count: int, spherical: bool = False) -> Float[Tensor, "count count dim"]:
    """Return rows of embeddings between four: top left, top right, bottom left, bottom right."""
    rows = path(corners[:2], corners[2:], count, spherical)
    return rearrange(path(rows[:, 0], rows[:, 1], count, spherical), "column row dim -> row column dim")


def evenness(pictures: Sequence[Image.Image], columns: int) -> float:
    """Return the mean over the largest change between neighbours in a grid, in 0..1: 1 is an even change, 0 a jump.

    The change is the root of the mean squared difference of the pixels.
    """
    across = [(at, at + 1) for at in range(len(pictures)) if (at + 1) % columns and at + 1 < len(pictures)]
    down = [(at, at + columns) for at in range(len(pictures) - columns)]
    changes = [_change(pictures[one], pictures[other]) for one, other in (*across, *down)]
    largest = max(changes, default=0.0)
    return fmean(changes) / largest if largest else 1.0


def _change(one: Image.Image, other: Image.Image) -> float:
    return float(np.sqrt(np.mean((np.asarray(one, dtype=np.float32) - np.asarray(other, dtype=np.float32)) ** 2)))
