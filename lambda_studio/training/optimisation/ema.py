"""The exponential moving average of the trained weights."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class MovingAverage:
    """The average of `parameters` over about the last 1/(1 - `decay`) steps."""

    def __init__(self, parameters: Mapping[str, nn.Parameter], decay: float):
        self.parameters, self.decay = parameters, decay
        self.weights: dict[str, Tensor] = {name: weight.detach().clone() for name, weight in parameters.items()}

    def update(self, step: int) -> None:
        """Add the weights after step `step` (from 1). Early steps decay faster, so the initial weights count little."""
        decay = min(self.decay, step / (step + 9))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.weights.values()), list(self.parameters.values()), 1 - decay)

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Continue from a saved average."""
        for name, weight in self.weights.items():
            weight.copy_(weights[name])

    @torch.no_grad()
    def copy_to_parameters(self) -> None:
        """Overwrite the weights with their average."""
        for name, weight in self.weights.items():
            self.parameters[name].copy_(weight)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Replace the weights by their average, and restore the weights when the block ends."""
        trained = {name: parameter.detach().clone() for name, parameter in self.parameters.items()}
        self.copy_to_parameters()
        try:
            yield
        finally:
            with torch.no_grad():
                for name, weight in trained.items():
                    self.parameters[name].copy_(weight)
