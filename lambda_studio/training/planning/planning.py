"""Choose how a run is trained in the memory that is free."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from lambda_studio.config import FinetuneConfig
from lambda_studio.errors import ResumeRefused

GIB = 2**30
WORKSPACE = GIB // 4
"""Added to each count: kernels' own buffers, and the pictures' latents."""
HIGHER = 1.04
"""The highest peak that was measured on an H100 and an H200, as a multiple of the count."""


@dataclass(frozen=True)
class TrainingPlan:
    """How a run is trained."""

    config: FinetuneConfig
    """The settings, with a batch that fits."""
    needed: int
    """Bytes that this takes."""
    free: int

    @property
    def fits(self) -> bool:
        """Whether the estimate is within the free memory."""
        return self.needed <= self.free

    def said(self) -> str:
        """Return the sentence for the user."""
        config = self.config
        needed, free = (f"{size / GIB:.1f} GiB" for size in (self.needed, self.free))
        if not self.fits:
            remedies = ["a smaller resolution"]
            remedies += ["gradient_checkpointing=True"] if _ruled_out(config) else []
            remedies += [] if config.method == "lora" else ["method=lora"]
            return (
                f"Training ({config.method}) needs about {needed} at least, and {free} of GPU memory are free. It may "
                f"not fit: close other programs, or give {', or '.join(remedies)}."
            )
        parts = config.gradient_accumulation_steps
        times = f", {parts} times for each step" if parts > 1 else ""
        twice = ", activations computed twice" if config.gradient_checkpointing else ""
        what = f"{config.method} with batches of {config.batch_size}{times}{twice}, about {needed}"
        return f"{free} of GPU memory are free: {what}."


def plan_training(config: FinetuneConfig, free: int, count: Callable[[FinetuneConfig], int]) -> TrainingPlan:
    """Return a plan with the first of `ways` that fits in `free` bytes. If none does, return the smallest.

    Args:
        count: returns the bytes that training with these settings takes, without kernels' own buffers.
    """
    tried: list[TrainingPlan] = []
    for way in ways(config):
        tried.append(TrainingPlan(way, round(HIGHER * count(way)) + WORKSPACE, free))
        if tried[-1].fits:
            return tried[-1]
    return min(tried, key=lambda plan: plan.needed)


def plan_resumed(config: FinetuneConfig, free: int, count: Callable[[FinetuneConfig], int]) -> TrainingPlan:
    """Return the plan of a run that began: its batches stay, because the trained bits depend on them.

    Activations are computed twice if that makes it fit: the weights are the same.

    Raises ResumeRefused if even the count, without anything added, is more than `free`.
    """
    tried = []
    for checkpointing in _checkpointing(config):
        way = replace(config, gradient_checkpointing=checkpointing)
        counted = count(way)
        tried.append(TrainingPlan(way, round(HIGHER * counted) + WORKSPACE, free))
        if tried[-1].fits:
            return tried[-1]
    if counted > free:
        raise ResumeRefused(
            f"The run keeps its batches of {config.batch_size}, which need about {tried[-1].needed / GIB:.1f} GiB, and "
            f"{free / GIB:.1f} GiB of GPU memory are free.",
            f"Close other programs, resume it on a larger GPU,{_or_compute_twice(config)} or start a new run without "
            "resume=True: it takes batches that fit.",
        )
    return tried[-1]


def _checkpointing(config: FinetuneConfig) -> list[bool]:
    """Return the values of `gradient_checkpointing` to try, in order."""
    return [False] if _ruled_out(config) else sorted({config.gradient_checkpointing, True})


def _ruled_out(config: FinetuneConfig) -> bool:
    """Return whether `gradient_checkpointing` was given as False."""
    return "gradient_checkpointing" in config.given and not config.gradient_checkpointing


def _or_compute_twice(config: FinetuneConfig) -> str:
    return " give gradient_checkpointing=True," if _ruled_out(config) else ""


def ways(config: FinetuneConfig) -> Iterator[FinetuneConfig]:
    """Iterate over settings of the same method that take less and less memory, beginning with the given ones.

    Batches are cut into equal parts whose gradients are accumulated. Then activations are computed twice.
    """
    parts = [number for number in range(1, config.batch_size + 1) if config.batch_size % number == 0]
    for checkpointing in _checkpointing(config):
        for number in parts:
            yield replace(
                config,
                batch_size=config.batch_size // number,
                gradient_accumulation_steps=config.gradient_accumulation_steps * number,
                gradient_checkpointing=checkpointing,
            )
