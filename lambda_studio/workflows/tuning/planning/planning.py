"""Fit a run to the memory of the GPU or the machine, before anything is loaded."""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import torch

from lambda_studio.config import FinetuneConfig
from lambda_studio.models.memory.hardware import emulates_bf16
from lambda_studio.models.stacks.stack import Stack
from lambda_studio.training.planning.memory import training_bytes
from lambda_studio.training.planning.planning import TrainingPlan, plan_resumed, plan_training

MIXED: dict[torch.dtype, Literal["bf16", "fp16"]] = {torch.bfloat16: "bf16", torch.float16: "fp16"}
"""accelerate's name of the training that goes with a stack's dtype."""


def weights_dtype(config: FinetuneConfig) -> torch.dtype | None:
    """Return the format of the decoder's weights: float32 if they are trained themselves, None for the stack's."""
    return torch.float32 if config.method == "full" else None


def plan_memory(stack: Stack, config: FinetuneConfig, resumes: bool = False) -> TrainingPlan:
    """Return how a run is trained in the free memory.

    The batch of one optimiser step stays as large as it was given. `full` is trained in bf16 if no other precision
    was given: its weights are float32, and its forward pass would be too. A run that is resumed keeps both.

    Raises:
        InvalidSetting: the decoder cannot draw the resolution.
        ResumeRefused: a resumed run does not fit.
    """
    resolution = config.resolution or stack.resolution
    stack.require_resolution(resolution)
    if stack.on_gpu and config.method == "full" and not resumes and "mixed_precision" not in config.given:
        config = replace(config, mixed_precision=MIXED.get(stack.dtype, "no"))

    def count(way: FinetuneConfig) -> int:
        blueprint = stack.blueprint(resolution, weights_dtype(config) or stack.dtype)
        return training_bytes(blueprint, way) if blueprint else 0

    plan = (plan_resumed if resumes else plan_training)(config, stack.free_memory(), count, stack.on_gpu)
    return replace(plan, frozen_in_float32=config.method == "lora" and stack.dtype == torch.float32)


def note_emulation(stack: Stack, config: FinetuneConfig, notify: Callable[[str], None]) -> None:
    """Say that bf16 is slow on a CPU that only emulates it."""
    if config.mixed_precision == "bf16" and emulates_bf16(stack.device):
        notify("This processor only emulates bf16, which makes a step many times slower. Leave out --mixed-precision.")


def planned(
    stack: Stack, config: FinetuneConfig, notify: Callable[[str], None], resumes: bool = False
) -> FinetuneConfig:
    """Return the settings of `plan_memory`, and say them; without a GPU, only if they are others or do not fit."""
    note_emulation(stack, config, notify)
    plan = plan_memory(stack, config, resumes)
    if plan.of_gpu or not plan.fits or plan.config != config:
        notify(plan.said())
    return plan.config
