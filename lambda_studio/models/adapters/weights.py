"""What an adapter's file makes of a UNet's weights, one weight at a time."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from lambda_studio.models.adapters.information import AdapterInfo, invalid
from lambda_studio.models.adapters.lora.shape import is_target, lora_scale
from lambda_studio.models.adapters.lora.updates import LowRankUpdate, updates_of
from lambda_studio.models.files.tensors import DTYPES, StoredTensors

Shapes = Mapping[str, Sequence[int]]
"""The shape of each parameter of a UNet."""


@dataclass(frozen=True)
class LowRankWeights:
    """A LoRA or DoRA. A DoRA's update is the difference that it makes on the UNet's own weight."""

    path: Path
    updates: Mapping[str, LowRankUpdate]
    """By the name of the weight."""
    scale: float
    """The factor of every update: alpha / rank."""
    rank: int

    @property
    def names(self) -> Collection[str]:
        """The names of the weights that it changes."""
        return self.updates.keys()

    def updated(self, name: str, weight: Tensor) -> Tensor:
        """Return the adapter's weight, in float32."""
        return self.updates[name].added_to(weight, self.scale)

    def update(self, name: str, weight: Tensor) -> Tensor:
        """Return what the adapter adds to a weight, in float32."""
        found = self.updates[name]
        if found.magnitude is None:
            return found.product(weight, self.scale)
        return found.added_to(weight, self.scale) - weight.float()


@dataclass(frozen=True)
class FullWeights:
    """A full UNet, whose tensors stay on the disk until they are asked for."""

    path: Path
    tensors: StoredTensors

    @property
    def names(self) -> Collection[str]:
        """The names of the weights that it changes: all."""
        return self.tensors.shapes.keys()

    def updated(self, name: str, weight: Tensor) -> Tensor:
        """Return the adapter's weight, in the number format of its file. Raises ModelFilesInvalid."""
        try:
            tensor = self.tensors[name]
        except (SafetensorError, OSError, ValueError) as error:
            raise invalid(self.path, str(error).splitlines()[0]) from error
        refuse_nonfinite({name: tensor}, self.path)
        return tensor.to(weight.device)

    def update(self, name: str, weight: Tensor) -> Tensor:
        """Return the difference of the adapter's weight and the UNet's own, in float32."""
        return self.updated(name, weight).float() - weight.float()


AdapterWeights = LowRankWeights | FullWeights


def open_weights(path: Path, info: AdapterInfo, shapes: Shapes) -> AdapterWeights:
    """Open an adapter's file for a UNet with these parameters.

    Raises ModelFilesInvalid for another UNet's adapter, a damaged file, and for a LoRA with NaN or infinite values.
    """
    if info.method == "full":
        return _full(path, shapes)
    scale = lora_scale(info.rank, info.lora_alpha, info.use_rslora)
    updates = updates_of(finite_file(path), info.use_dora, path)
    for module, update in updates.items():
        shape = shapes.get(f"{module}.weight")
        if shape is None or not is_target(module):
            raise invalid(path, f"this UNet has no layer {module[:80]} that a LoRA may change")
        if not update.fits(tuple(shape), info.rank):
            shown = f"{list(update.down.shape)} and {list(update.up.shape)}"
            raise invalid(path, f"the update of {module[:80]} has the shapes {shown}")
    named = {f"{module}.weight": update for module, update in updates.items()}
    return LowRankWeights(path, named, scale, info.rank)


def summed(adapters: Sequence[tuple[AdapterWeights, float]], name: str, weight: Tensor) -> Tensor:
    """Return a weight plus the update of each adapter times its scale.

    A single adapter with a scale of 1 gives its own weight, without the rounding of a difference and a sum.
    """
    if [scale for _, scale in adapters] == [1.0]:
        return adapters[0][0].updated(name, weight)
    total = weight.float()
    for adapter, scale in adapters:
        total = total + scale * adapter.update(name, weight)
    return total


def _full(path: Path, shapes: Shapes) -> FullWeights:
    try:
        tensors = StoredTensors(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise invalid(path, str(error).splitlines()[0]) from error
    wrong = shapes.keys() ^ tensors.shapes.keys() or {
        name for name, shape in shapes.items() if tuple(shape) != tensors.shapes[name]
    }
    if wrong:
        raise invalid(path, f"{len(wrong)} of its tensors do not fit this UNet, such as {min(wrong)[:80]}")
    return FullWeights(path, tensors)


def finite_file(path: Path) -> dict[str, Tensor]:
    """Return all tensors of a file. Raises ModelFilesInvalid if it is damaged, and for NaN and infinite values."""
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise invalid(path, str(error).splitlines()[0]) from error
    refuse_nonfinite(tensors, path)
    return tensors


def refuse_nonfinite(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Raise ModelFilesInvalid for a tensor that is not floating-point, or that has NaN or infinite values."""
    for key, tensor in tensors.items():
        if tensor.dtype not in DTYPES:
            raise invalid(path, f"{key[:80]} is {tensor.dtype}")
        if not torch.isfinite(tensor).all():
            raise invalid(path, f"{key[:80]} has NaN or infinite values")
