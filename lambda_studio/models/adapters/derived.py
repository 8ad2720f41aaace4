"""New adapters from others: several in one, one scaled, or one of a lower rank. Weights are read one by one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from concepts.durable import file_sha256, publish, unfinished
from lambda_studio.models.adapters.information import AdapterInfo
from lambda_studio.models.adapters.lora.approximation import best_low_rank
from lambda_studio.models.adapters.lora.shape import is_target, targets_of
from lambda_studio.models.adapters.lora.sizes import squared_norm
from lambda_studio.models.adapters.lora.sums import Summand, sum_of
from lambda_studio.models.adapters.lora.updates import PARTS, LowRankUpdate
from lambda_studio.models.adapters.weights import AdapterWeights, FullWeights, LowRankWeights, refuse_nonfinite, summed
from lambda_studio.models.files.saving import saving
from lambda_studio.models.files.tensors import Slot, StoredTensors, slots_of, write_tensors


@dataclass(frozen=True)
class SourceAdapter:
    """An adapter that another is made of, and the factor of its update."""

    weights: AdapterWeights
    info: AdapterInfo
    factor: float = 1.0


@dataclass(frozen=True)
class DerivedAdapter:
    """An adapter before it is written. A full UNet's tensors are computed when they are asked for."""

    method: str
    rank: int
    slots: Mapping[str, Slot]
    tensor: Callable[[str], Tensor]
    use_dora: bool = False
    targets: str = "attention"
    kept: float = 1.0
    """The norm of its update divided by the norm of the source's."""


def combined(sources: Sequence[SourceAdapter], base: StoredTensors) -> DerivedAdapter:
    """Return the adapter whose update is the sum of all updates times their factors.

    It is a LoRA if all sources are, and a DoRA if one of them is: exact, and its rank is the sum of the ranks. With a
    full UNet among the sources, it is a full UNet.
    """
    if any(isinstance(source.weights, FullWeights) for source in sources):
        return _full(sources, base)
    use_dora = any(source.info.use_dora for source in sources)
    updates = {
        name: sum_of(base[name], [_summand(source, name) for source in sources], use_dora)
        for name in sorted({name for source in sources for name in source.weights.names})
    }
    rank = sum(source.info.rank for source in sources)
    return _low_rank(updates, rank, use_dora)


def extracted(source: SourceAdapter, base: StoredTensors, rank: int, on_weight: Callable[[], None]) -> DerivedAdapter:
    """Return the LoRA of this rank that is nearest to an adapter's update, layer by layer.

    Layers that a LoRA of ours does not change are left out, and count in `kept` as lost.

    Args:
        on_weight: called after each weight.
    """
    updates: dict[str, LowRankUpdate] = {}
    whole = kept = 0.0
    for name in source.weights.names:
        change = source.weights.update(name, base[name])
        size = squared_norm(change)
        if size and change.dim() in (2, 4) and name.endswith(".weight") and is_target(name.removesuffix(".weight")):
            updates[name] = best_low_rank(change, rank)
            kept += squared_norm(updates[name].product(change, 1.0))
        whole += size
        on_weight()
    return _low_rank(updates, rank, False, (kept / whole) ** 0.5 if whole else 0.0)


def save_derived(made: DerivedAdapter, info: AdapterInfo, folder: Path, on_tensor: Callable[[], None]) -> str:
    """Write an adapter to SHA-256.safetensors in `folder`, tensor by tensor, and return the SHA-256.

    Args:
        on_tensor: called after each tensor.

    Raises:
        ModelFilesInvalid: A weight is NaN or infinite.
        CheckpointFailed: The disk is full or the write fails.
    """
    path = folder / "adapter.safetensors"

    def checked(name: str) -> Tensor:
        tensor = made.tensor(name)
        refuse_nonfinite({name: tensor}, path)
        on_tensor()
        return tensor

    needed = sum(slot.bytes for slot in made.slots.values())
    with saving("The adapter", folder, needed), unfinished(path) as staged:
        write_tensors(staged, made.slots, info.metadata(), checked)
        staged.chmod(0o644)
        sha = file_sha256(staged)
        publish(staged, folder / f"{sha}.safetensors", replace=True)
        return sha


def _full(sources: Sequence[SourceAdapter], base: StoredTensors) -> DerivedAdapter:
    def tensor(name: str) -> Tensor:
        changing = [(each.weights, each.factor) for each in sources if name in each.weights.names]
        return summed(changing, name, base[name]).float()

    return DerivedAdapter("full", 0, {name: Slot(shape) for name, shape in base.shapes.items()}, tensor)


def _summand(source: SourceAdapter, name: str) -> Summand:
    weights = source.weights
    assert isinstance(weights, LowRankWeights)  # the caller has looked
    return Summand(weights.updates.get(name), weights.rank, weights.scale, source.factor)


def _low_rank(updates: Mapping[str, LowRankUpdate], rank: int, use_dora: bool, kept: float = 1.0) -> DerivedAdapter:
    tensors = {
        f"{name.removesuffix('.weight')}.{key}": value
        for name, update in updates.items()
        for key, part in PARTS.items()
        if (value := getattr(update, part)) is not None
    }
    targets = targets_of([name.removesuffix(".weight") for name in updates])
    return DerivedAdapter("lora", rank, slots_of(tensors), tensors.__getitem__, use_dora, targets, kept)
