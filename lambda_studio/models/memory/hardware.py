"""The device that models run on, and its free memory."""

import platform
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import torch

from lambda_studio.config import require
from lambda_studio.models.memory.apple import fault_of
from lambda_studio.progress import unheard

_EXACT = threading.RLock()
"""Held while products are exact: the setting is of the whole process."""
GIB = 2**30
HEADROOM = 2
"""A copy is made only where this many times its bytes of memory are free."""
LIBRARIES = GIB // 2
"""What Python and the imported libraries take of a process's memory, which is not free for models."""
APPLE = torch.device("mps")
DEVICES = "Give auto, cpu, cuda, cuda:1 for the second GPU, or mps for Apple's."


def chosen_device(name: str | None, notify: Callable[[str], None] = unheard) -> torch.device:
    """Return the device with this name. None and "auto" are a GPU if there is one that works, else the CPU.

    Raises InvalidSetting for a device that this machine does not have.
    """
    if name in (None, "auto"):
        return _best_device(notify)
    assert name is not None
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    known = device is not None and device.type in ("cpu", "cuda", "mps")
    require(known, f"device is {name!r}.", DEVICES, "device")
    assert device is not None
    cause = f"device is {name}, which PyTorch does not find on this machine."
    require(_is_here(device), cause, f"Give auto, or one that is here: {', '.join(_devices_here())}.", "device")
    return device


def _devices_here() -> list[str]:
    """Return the names of this machine's devices, the best one first."""
    gpus = [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    return [*gpus, *["mps"] * torch.backends.mps.is_available(), "cpu"]


def _best_device(notify: Callable[[str], None]) -> torch.device:
    """Return a GPU of NVIDIA or AMD, else Apple's if the models' operations work on it, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if not torch.backends.mps.is_available():
        return torch.device("cpu")
    fault = fault_of(APPLE)
    if fault is None:
        return APPLE
    notify(f"Apple's GPU is not used, because a trial failed ({fault}). The CPU is used.")
    return torch.device("cpu")


def default_dtype(precision: str, device: torch.device) -> torch.dtype:
    """Return the dtype of this precision: `auto` is half on a GPU (bf16 if supported), float32 elsewhere."""
    named = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
    if precision != "auto":
        return named[precision]
    if device.type != "cuda":
        return torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16


def emulates_bf16(device: torch.device) -> bool:
    """Return whether the device is a CPU known to compute bf16 with other numbers' instructions, many times slower."""
    if device.type != "cpu" or platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    known = [getattr(torch.cpu, f"_is_{name}_supported", None) for name in ("avx512_bf16", "amx_tile")]
    return not any(asked() for asked in known if asked)


def free_memory(device: torch.device) -> int:
    """Return the free bytes of a GPU, or of the machine for the CPU, with the bytes that this process may use again.

    Apple's GPU does not say what other programs use: it is the memory that PyTorch recommends to use at most.
    """
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free + torch.cuda.memory_reserved(device)
    if device.type == "mps":
        return torch.mps.recommended_max_memory()
    held = psutil.Process().memory_info()
    mapped = getattr(held, "shared", 0)  # files, which are available too; only Linux tells
    return available_memory() + max(0, held.rss - mapped - LIBRARIES)


def available_memory() -> int:
    """Return the bytes of the machine's memory that are free, or hold only copies of files."""
    return psutil.virtual_memory().available


def has_cpu_memory_for(size: int) -> bool:
    """Return whether the machine has memory for a copy of so many bytes."""
    return available_memory() >= HEADROOM * size


def process_peak() -> int | None:
    """Return the most bytes of the machine's memory that this process has had at once; None where it is not told."""
    status = Path("/proc/self/status")
    if status.is_file():  # Linux's getrusage counts what the process had before its program began: its parent's memory
        return next(int(line.split()[1]) * 1024 for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    try:
        from resource import RUSAGE_SELF, getrusage
    except ImportError:  # on Windows
        return None
    most = getrusage(RUSAGE_SELF).ru_maxrss
    return most if platform.system() == "Darwin" else most * 1024


def return_memory(device: torch.device) -> None:
    """Return the memory of freed models to the GPU. On the CPU it returns by itself."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


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
