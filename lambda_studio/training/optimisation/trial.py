"""Try an optimiser on two small tensors: whether a run can be resumed with it, and how many bytes its states take."""

import io
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from lambda_studio.config import FinetuneConfig, require
from lambda_studio.training.checkpoints.checkpoint import require_plain
from lambda_studio.training.optimisation.named import ADAMW, ADAMW_8BIT, Rates, make_optimiser, unusable

LEAST_LARGE = 4096
"""Tensors with fewer values keep float32 states in `adamw-8bit`."""
SHAPES = ((512, 512), (8,))
"""A large tensor and a small one."""


@dataclass(frozen=True)
class States:
    """The bytes that an optimiser takes for each trained value."""

    large: float
    """In tensors of 4,096 values and more."""
    small: float
    working: float = 0.0
    """In a step, beside its states."""

    def stored(self, sizes: Iterable[int]) -> int:
        """Return the bytes of the states of tensors with so many values."""
        return round(sum(size * (self.large if size >= LEAST_LARGE else self.small) for size in sizes))

    def held(self, sizes: Iterable[int]) -> int:
        """Return the bytes that a step holds: the states, and what the step needs beside them."""
        counts = list(sizes)
        return self.stored(counts) + round(self.working * sum(counts))


KNOWN = {ADAMW: States(8.0, 8.0), ADAMW_8BIT: States(2 + 2 * 4 / 256, 8.0)}
"""Two float32 values; two bytes, and for each 256 values a float32 scale of both."""
A_COPY = 4.0
"""Another package's optimiser is counted with a float32 copy of the weights, because many are not fused."""


def states_of(name: str) -> States:
    """Return the bytes that the optimiser of this name takes. Raises InvalidSetting for an unusable one."""
    return KNOWN.get(name) or try_out(name, torch.device("cpu"))


def require_usable(config: FinetuneConfig, device: torch.device) -> None:
    """Raise InvalidSetting unless a run with this optimiser can be trained on the device and resumed."""
    name = config.optimizer
    if name != ADAMW:
        try_out(name, device)
    require(
        name in KNOWN or config.learning_rate is not None,
        f"optimizer is {name}, and learning_rate is not given.",
        "Give the learning_rate that its authors recommend.",
        "learning_rate",
        "optimizer",
    )


@lru_cache
def try_out(name: str, device: torch.device) -> States:
    """Step, save, restore and step again; return the bytes of the states.

    Raises InvalidSetting if the optimiser cannot be made or stepped, if its state has values that a checkpoint cannot
    hold, or if the restored one does not go on with the same bits.
    """
    first, second = _Tried(name, device), _Tried(name, device)
    try:
        first.step(1)
        saved = first.state()
        first.step(2)
        second.restore(saved)
        second.step(2)
    except Exception as error:  # another package's code: it may raise anything
        raise unusable(name, error) from error
    if not all(map(torch.equal, first.weights, second.weights)):
        raise unusable(name, "after its state was saved and restored, it goes on with other bits")
    large, small = (_bytes(first.optimiser.state[weight]) / weight.numel() for weight in first.weights)
    return States(large, small, A_COPY)


class _Tried:
    """An optimiser and the two tensors that it trains."""

    def __init__(self, name: str, device: torch.device):
        self.weights = [nn.Parameter(_numbers(shape, 0).to(device)) for shape in SHAPES]
        self.optimiser = make_optimiser(name, self.weights, Rates(learning_rate=1e-3))
        if hasattr(self.optimiser, "train") and hasattr(self.optimiser, "eval"):
            raise unusable(name, "it must be told when weights are used (schedule-free)")

    def step(self, number: int) -> None:
        """Run a step. Its random values, if any, depend on its number only, as in the training loop."""
        for weight in self.weights:
            weight.grad = _numbers(tuple(weight.shape), number).to(weight.device)
        with torch.random.fork_rng():
            torch.manual_seed(number)
            self.optimiser.step()

    def state(self) -> dict[str, Any]:
        """Return the weights and the optimiser's state, as a checkpoint holds them. Raises TypeError."""
        state = {"weights": list(self.weights), "optimizer": self.optimiser.state_dict()}
        require_plain(state["optimizer"], "its state")
        file = io.BytesIO()
        torch.save({**state, "weights": [weight.detach() for weight in self.weights]}, file)
        file.seek(0)
        loaded: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
        return loaded

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        with torch.no_grad():
            for weight, value in zip(self.weights, state["weights"], strict=True):
                weight.copy_(value)
        self.optimiser.load_state_dict(state["optimizer"])


def _numbers(shape: tuple[int, ...], seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def _bytes(state: Any) -> int:
    """Return the bytes of the tensors in an optimiser's state for one weight."""
    if isinstance(state, Tensor):
        return state.numel() * state.element_size()
    return sum(map(_bytes, state.values())) if isinstance(state, dict) else 0
