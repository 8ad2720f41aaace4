"""The device that models run on."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from lambda_studio.config import require

_EXACT = threading.RLock()
"""Held while products are exact: the setting is of the whole process."""
DEVICES = "Give cpu, cuda, cuda:1 for the second GPU, or mps for Apple's."


def chosen_device(name: str | None) -> torch.device:
    """Return the device with this name, or the default: a GPU of NVIDIA or AMD if there is one, else the CPU.

    Raises InvalidSetting for a device that this machine does not have.
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    known = device is not None and device.type in ("cpu", "cuda", "mps")
    require(known, f"device is {name!r}.", DEVICES, "device")
    assert device is not None
    require(_is_here(device), f"device is {name}, and PyTorch finds no such device on this machine.", DEVICES, "device")
    return device


def _is_here(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count()
    return device.type == "cpu" or torch.backends.mps.is_available()


def use_tensor_cores(device: torch.device) -> None:
    """Let an NVIDIA GPU compute products of float32 matrices in TF32, in the whole process. A CPU changes nothing."""
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")


@contextmanager
def exact_products() -> Iterator[None]:
    """Compute products of float32 matrices in float32 while the block runs."""
    with _EXACT:
        before = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("highest")
        try:
            yield
        finally:
            torch.set_float32_matmul_precision(before)
