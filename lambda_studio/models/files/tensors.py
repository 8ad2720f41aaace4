"""Safetensors files, one tensor at a time: read without holding the others, and written with sorted metadata."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from lambda_studio.models.files.weights import shards

DTYPES = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}
"""The number formats of weights, with their names in a header."""


@dataclass(frozen=True)
class Slot:
    """The shape and number format of a tensor in a file."""

    shape: tuple[int, ...]
    dtype: torch.dtype = torch.float32

    @property
    def bytes(self) -> int:
        """The bytes of the tensor."""
        return torch.Size(self.shape).numel() * self.dtype.itemsize


class StoredTensors(Mapping[str, Tensor]):
    """The tensors of weights on the disk, by name. Each is read when it is asked for.

    Args:
        weights: a safetensors file, or the index of several.

    Raises OSError and SafetensorError.
    """

    def __init__(self, weights: Path):
        self._files: dict[str, Any] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}
        for path in shards(weights):
            file = safe_open(path, framework="pt")
            for name in file.keys():  # noqa: SIM118  # the file is not a mapping
                self._files[name] = file
                self.shapes[name] = tuple(file.get_slice(name).get_shape())

    def __getitem__(self, name: str) -> Tensor:
        tensor: Tensor = self._files[name].get_tensor(name)
        return tensor

    def __iter__(self) -> Any:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def same_tensors(ours: Mapping[str, Tensor], file: Path) -> bool:
    """Return whether a safetensors file has the same tensors, bit for bit, by the same names."""
    theirs, shapes = StoredTensors(file), {name: tuple(tensor.shape) for name, tensor in ours.items()}
    return theirs.shapes == shapes and all(_equal(ours[name], theirs[name]) for name in ours)


def _equal(one: Tensor, other: Tensor) -> bool:
    return one.dtype == other.dtype and torch.equal(one, other)


def write_tensors(
    path: Path, slots: Mapping[str, Slot], metadata: Mapping[str, str], tensor: Callable[[str], Tensor]
) -> None:
    """Write a safetensors file. Equal contents give equal bytes, also with several keys of metadata.

    The `safetensors` package writes several keys in an order that changes from run to run.

    Args:
        slots: the shape and number format of each tensor, by name.
        tensor: returns the tensor of a name. It is called once for each, and only one tensor is held.

    Raises:
        OSError: the disk is full or the write fails.
    """
    ordered = sorted(slots, key=lambda name: (-slots[name].dtype.itemsize, name))  # so that all are aligned
    with path.open("wb") as file:
        file.write(_header(ordered, slots, metadata))
        for name in ordered:
            values = tensor(name).detach().to("cpu", slots[name].dtype).contiguous()
            if tuple(values.shape) != slots[name].shape:
                raise ValueError(f"{name} has the shape {tuple(values.shape)}, and {slots[name].shape} was announced")
            file.write(values.reshape(-1).view(torch.uint8).numpy().data)


def header_bytes(header: Mapping[str, Any]) -> bytes:
    """Return the beginning of a safetensors file: the length of the header, and the header."""
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def slots_of(tensors: Mapping[str, Tensor]) -> dict[str, Slot]:
    """Return the shapes and number formats of tensors."""
    return {name: Slot(tuple(value.shape), value.dtype) for name, value in tensors.items()}


def _header(ordered: list[str], slots: Mapping[str, Slot], metadata: Mapping[str, str]) -> bytes:
    header: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))}
    end = 0
    for name in ordered:
        slot, start = slots[name], end
        end += slot.bytes
        header[name] = {"dtype": DTYPES[slot.dtype], "shape": list(slot.shape), "data_offsets": [start, end]}
    return header_bytes(header)
