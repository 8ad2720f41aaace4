"""The device that models run on."""

import torch

from lambda_studio.config import require

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
