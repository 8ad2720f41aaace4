"""Fit a run to the memory of the GPU, before anything is loaded."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Literal

import torch

from concepts.records import ConceptRecord
from lambda_studio.config import FinetuneConfig
from lambda_studio.models.stack import Stack
from lambda_studio.pictures.masks.subject import is_doubtful
from lambda_studio.training.memory import training_bytes
from lambda_studio.training.planning import plan_resumed, plan_training

MIXED: dict[torch.dtype, Literal["bf16", "fp16"]] = {torch.bfloat16: "bf16", torch.float16: "fp16"}
"""accelerate's name of the training that goes with a stack's dtype."""


def doubtful_masks(concepts: Sequence[ConceptRecord]) -> Iterator[str]:
    """Iterate over notes about concepts whose masks may be wrong: what they show is learnt."""
    for concept in concepts:
        doubtful = sum(is_doubtful(image.warnings) for image in concept.images)
        if doubtful:
            look = f"studio concepts show {concept.name} --sheet {concept.name}.png"
            yield f"{concept.name}: {doubtful} of {len(concept.images)} masks may be wrong. Look at them: {look}"


def planned(
    stack: Stack, config: FinetuneConfig, notify: Callable[[str], None], resumes: bool = False
) -> FinetuneConfig:
    """Return the settings of a run, with a batch that fits the GPU, and say it. Without a GPU nothing changes.

    The batch of one optimiser step stays as large as it was given. `full` is trained in bf16 if no other precision
    was given: its weights are float32, and its forward pass would be too. A run that is resumed keeps both.

    Raises:
        InvalidSetting: the decoder cannot draw the resolution.
        ResumeRefused: a resumed run does not fit.
    """
    free = stack.free_memory()
    resolution = config.resolution or stack.resolution
    stack.require_resolution(resolution)
    if free is None:
        return config
    if config.method == "full" and not resumes and "mixed_precision" not in config.given:
        config = replace(config, mixed_precision=MIXED.get(stack.dtype, "no"))
    frozen = torch.float32 if config.method == "full" else stack.dtype

    def count(way: FinetuneConfig) -> int:
        blueprint = stack.blueprint(resolution, frozen)
        return training_bytes(blueprint.unet, way, blueprint.side) if blueprint else 0

    plan = (plan_resumed if resumes else plan_training)(config, free, count)
    notify(plan.said())
    return plan.config
