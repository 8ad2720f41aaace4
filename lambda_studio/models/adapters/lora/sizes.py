"""The size of an adapter's update beside the weights that it changes."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class UpdateSize:
    """Frobenius norms over all weights that an adapter changes."""

    update: float
    weights: float

    @property
    def relative(self) -> float:
        """The norm of the update divided by the norm of the weights. It is 0 where both are."""
        return self.update / self.weights if self.weights else float(self.update > 0)


def update_size(pairs: Iterable[tuple[Tensor, Tensor]]) -> UpdateSize:
    """Return the size of an update from each weight and its update. One pair is held at a time."""
    update = weights = 0.0
    for weight, change in pairs:
        update += squared_norm(change)
        weights += squared_norm(weight)
    return UpdateSize(update**0.5, weights**0.5)


def squared_norm(tensor: Tensor) -> float:
    """Return the square of a Frobenius norm, summed in float64."""
    return float(torch.linalg.vector_norm(tensor.detach(), dtype=torch.float64)) ** 2
