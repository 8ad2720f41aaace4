"""A stage's network on its device: as CUDA graphs on a GPU, plain or compiled on a CPU."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call


def layout(device: torch.device | str) -> torch.memory_format:
    """Return the layout of pictures in which convolutions with group norms are fast on this device."""
    return torch.channels_last if torch.device(device).type == "cpu" else torch.contiguous_format


class Fast:
    """A network as a function of tensors, in the fast form for their device.

    On a GPU the first call captures the forward and the backward pass as CUDA graphs, in bfloat16 (`InHalf`). A step is
    thousands of short kernels, and most of its time would be their launches. All calls need the first call's shapes. On
    a CPU the network runs unchanged, or `compiled`.
    """

    def __init__(self, network: nn.Module, compiled: bool = False):
        self.network, self.compiled = network, compiled
        self.run: Any = None

    def __call__(self, *inputs: Tensor) -> Any:
        """Return the network's output."""
        if self.run is None:
            self.run = self._on(inputs)
        return self.run(*inputs)

    def _on(self, inputs: tuple[Tensor, ...]) -> Any:
        if inputs[0].device.type == "cuda":
            samples = tuple(value.detach().clone() for value in inputs)
            return torch.cuda.make_graphed_callables(InHalf(self.network), samples, allow_unused_input=True)
        return torch.compile(self.network, dynamic=False) if self.compiled else self.network


class InHalf(nn.Module):
    """A network that computes in bfloat16 with copies of its float32 weights. Its gradients are in float32.

    The norms are in bfloat16 too; autocast would compute them in float32. Buffers are copies: no statistics are kept.
    """

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, *inputs: Tensor) -> Any:
        """Return the output in bfloat16."""
        state = dict(self.network.named_parameters()) | dict(self.network.named_buffers())
        half = {name: _half(value) for name, value in state.items()}
        with torch.autocast(inputs[0].device.type, enabled=False):
            return functional_call(self.network, half, tuple(_half(value) for value in inputs))


def _half(value: Tensor) -> Tensor:
    return value.bfloat16() if value.is_floating_point() else value
