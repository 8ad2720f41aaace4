"""Scaled updates of one weight, added exactly: the ranks are concatenated."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lambda_studio.models.adapters.lora.updates import LowRankUpdate


@dataclass(frozen=True)
class Summand:
    """One adapter's update of a weight, and its factor in the sum."""

    update: LowRankUpdate | None
    """None leaves the weight as it is."""
    rank: int
    scale: float
    """Of the update in its own file: alpha / rank."""
    factor: float


@torch.no_grad()
def sum_of(weight: Tensor, summands: Sequence[Summand], with_magnitude: bool) -> LowRankUpdate:
    """Return the update, at a scale of 1, that changes a weight W as all summands do. Its rank is the sum of theirs.

    With DoRA, the summand k makes the row i of the weight g_ki (W_i + D_ki), with the gains g and the product D of up
    and down. The sum W_i + Σ f_k (g_ki (W_i + D_ki) - W_i) is c_i (W_i + Σ f_k g_ki D_ki / c_i), where
    c_i = 1 + Σ f_k (g_ki - 1): again a DoRA. Its magnitude is c_i times the length of the row in brackets.
    """
    out, ones = weight.shape[0], (1,) * (weight.dim() - 2)
    gains = [each.update.gains(weight, each.scale) if each.update else torch.ones(out) for each in summands]
    total = torch.ones(out)
    for each, gain in zip(summands, gains, strict=True):
        total = total + each.factor * (gain - 1)
    ups, downs = [], []
    for each, gain in zip(summands, gains, strict=True):
        found = each.update or nothing(weight, each.rank)
        rows = each.factor * each.scale * gain / total
        ups.append(found.up.flatten(1).float() * rows[:, None])
        downs.append(found.down.float())
    up = torch.cat(ups, dim=1)
    added = LowRankUpdate(torch.cat(downs).contiguous(), up.view(*up.shape, *ones).contiguous())
    if not with_magnitude:
        return added
    lengths = torch.linalg.vector_norm(added.added_to(weight, 1.0).flatten(1), dim=1)
    magnitude = total * lengths
    return LowRankUpdate(added.down, added.up, magnitude.view(1, out, *ones) if ones else magnitude)


def nothing(weight: Tensor, rank: int) -> LowRankUpdate:
    """Return an update that changes nothing."""
    ones = (1,) * (weight.dim() - 2)
    return LowRankUpdate(torch.zeros(rank, *weight.shape[1:]), torch.zeros(weight.shape[0], rank, *ones))
