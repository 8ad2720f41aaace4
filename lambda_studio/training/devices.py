"""Training devices: process groups and launchers, the caller's random state, and reading losses off the device."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, GradientState, PartialState
from torch import Tensor

from lambda_studio.config import require

LAUNCHED = ("WORLD_SIZE", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE")
"""The variables in which torchrun (also for accelerate) and kinds of mpirun say how many processes they started."""


COMPILER = "inductor"
"""The compiler of torch.compile, as accelerate names it."""
SHARDING = ("FSDP", "DEEPSPEED", "MEGATRON_LM", "PARALLELISM_CONFIG")
"""The ends of the variables ACCELERATE_USE_… for trainings whose processes hold parts of a model."""


def launched_processes() -> int:
    """Return how many processes a launcher started for this training: 1 without a launcher."""
    counts = [os.environ.get(name, "") for name in LAUNCHED]
    return max((int(count) for count in counts if count.isdecimal()), default=1)


def require_startable(device: torch.device, mixed_precision: str) -> None:
    """Raise InvalidSetting for fp16 on a CPU, and if accelerate was configured to divide the model among processes."""
    refused = device.type == "cpu" and mixed_precision == "fp16"
    require(not refused, "mixed_precision is fp16 and the device is a CPU.", "Give bf16 or no.", "mixed_precision")
    for name in SHARDING:  # a checkpoint would hold one process's part
        divided = os.environ.get(f"ACCELERATE_USE_{name}", "").lower() == "true"
        cause = f"accelerate was configured for {name}, and each process of a training needs the whole model."
        require(not divided, cause, "Launch with --multi_gpu.")


def start_accelerator(
    device: torch.device, mixed_precision: str, gradient_accumulation_steps: int, compiles: bool = False
) -> Accelerator:
    """Return an accelerator for this run only, which compiles the model if `compiles`.

    Raises as `require_startable`.
    """
    require_startable(device, mixed_precision)
    # accelerate's state is global, with a fixed precision and device: reset the state of the last run.
    alone = not PartialState._shared_state or PartialState().num_processes == 1
    AcceleratorState._reset_state(reset_partial_state=alone)
    GradientState._reset_state()
    return Accelerator(
        cpu=device.type == "cpu",
        mixed_precision=mixed_precision,
        gradient_accumulation_steps=gradient_accumulation_steps,
        dynamo_backend=COMPILER if compiles else None,
    )


@contextmanager
def randomness_kept(device: torch.device) -> Iterator[None]:
    """Restore the caller's global random state when the block ends."""
    devices = [] if device.type == "cpu" else [torch.accelerator.current_device_index()]
    with torch.random.fork_rng(devices, device_type="cuda" if device.type == "cpu" else device.type):
        yield


class LossReader:
    """A reader of losses off the device: immediate, but one step late on CUDA, so that no step waits."""

    def __init__(self, device: torch.device):
        self.late = device.type == "cuda"
        self.waiting: list[tuple[list[str], Tensor, Any]] = []

    def push(self, losses: Mapping[str, Tensor]) -> list[dict[str, float]]:
        """Add a step's losses, and return the losses that are due."""
        event = torch.cuda.Event() if self.late else None
        values = torch.stack(list(losses.values())).to("cpu", non_blocking=self.late)
        self.waiting.append((list(losses), values, event))
        if event:
            event.record()
        return self.read(leave=1 if self.late else 0)

    def read(self, leave: int = 0) -> list[dict[str, float]]:
        """Return all waiting losses except the losses of the last `leave` steps."""
        due = self.waiting[: len(self.waiting) - leave]
        self.waiting = self.waiting[len(due) :]
        for _, _, event in due:
            if event:
                event.synchronize()
        return [dict(zip(names, values.tolist(), strict=True)) for names, values, _ in due]
