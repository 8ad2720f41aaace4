"""Where loaded parts are: on their device while they are used, else in the CPU's memory if the GPU is small."""

from itertools import chain
from typing import Any

import torch
from torch import nn

from lambda_studio.models.memory.hardware import has_cpu_memory_for
from lambda_studio.models.memory.live_bytes import weight_bytes
from lambda_studio.models.pool import LoadedModels

CPU = torch.device("cpu")


def set_aside(models: LoadedModels, part: str, holder: object) -> bool:
    """Move a part to the CPU's memory. Return whether it is there.

    It stays if another stack uses it, if pictures are drawn with it, or if the CPU's memory has no room.
    """
    if not models.held_alone(part, holder) or not models.drawing.acquire(blocking=False):
        return False
    try:
        model = models.find(part, holder)
        if not has_cpu_memory_for(sum(map(weight_bytes, networks_of(model)))):
            return False
        place(model, CPU)
        return True
    finally:
        models.drawing.release()


def place(model: Any, device: torch.device) -> None:
    """Move a CLIP, a prior or a decoder to this device, in place. Nothing happens if it is there."""
    for network in networks_of(model):
        if not all(_is_on(tensor.device, device) for tensor in chain(network.parameters(), network.buffers())):
            network.to(device)


def _is_on(present: torch.device, wanted: torch.device) -> bool:
    """Return whether a device is the wanted one. `cuda` without a number is any of its kind."""
    return present.type == wanted.type and wanted.index in (None, present.index)


def networks_of(model: Any) -> tuple[nn.Module, ...]:
    """Return the networks of a part that is loaded."""
    return (model,) if isinstance(model, nn.Module) else tuple(model.networks)
