"""Count the bytes that a network's forward pass holds at once, on the meta device: nothing is computed or allocated."""

import weakref
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only


class LiveBytes(TorchDispatchMode):
    """Counts the tensors that operations make in this block, while they live. `given` tensors do not count."""

    def __init__(self, given: Iterable[Tensor]):
        super().__init__()
        self.live = self.peak = 0
        self._known = {tensor.untyped_storage()._cdata for tensor in given}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run one operation and count its results."""
        result = func(*args, **(kwargs or {}))
        tree_map_only(Tensor, self._count, result)
        return result

    def _count(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key in self._known:
            return
        self._known.add(key)
        self.live += size
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._forget, key, size)

    def _forget(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.live -= size


def peak_bytes(model: torch.nn.Module, run: Callable[[], object]) -> int:
    """Return the most bytes that `run` holds at once beside the parameters of a model on the meta device."""
    with torch.inference_mode(), LiveBytes([*model.parameters(), *model.buffers()]) as counted:
        run()
    return counted.peak


def weight_bytes(model: torch.nn.Module) -> int:
    """Return the bytes of a model's parameters."""
    return sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())
