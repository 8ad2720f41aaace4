"""Measure how long a training step takes on this device, with the real objective and values of no meaning."""

import statistics
import time

import torch

from lambda_studio.training.devices import randomness_kept, start_accelerator
from lambda_studio.training.objectives.objectives import Objective
from lambda_studio.training.optimisation.optimiser import Optimiser, TrainConfig

WARM_UP = 1
"""Steps that are not timed: the first one allocates, and chooses kernels."""
TIMED = 3
"""Steps whose median counts."""


def seconds_a_step(objective: Objective, config: TrainConfig) -> float:
    """Return the median seconds of an optimiser step. The objective's model is trained, so it is of no more use.

    Raises InvalidSetting for fp16 on a CPU.
    """
    device = next(objective.model.parameters()).device
    accelerator = start_accelerator(device, config.mixed_precision, config.gradient_accumulation_steps, config.compile)
    with randomness_kept(accelerator.device), objective.trainable(accelerator.device) as parameters:
        optimiser = Optimiser(accelerator, objective, parameters, config)
        return statistics.median([_timed(optimiser, step) for step in range(1, WARM_UP + TIMED + 1)][WARM_UP:])


def _timed(optimiser: Optimiser, step: int) -> float:
    began = time.perf_counter()
    losses = optimiser.step(step)
    torch.stack(list(losses.values())).tolist()  # waits for the device
    return time.perf_counter() - began
