"""Choose how a run is trained in the memory that is free."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from lambda_studio.config import FinetuneConfig
from lambda_studio.errors import ResumeRefused
from lambda_studio.models.stacks.planning import ENDED, GIB, in_half, said_free

WORKSPACE = GIB // 4
"""Added to each count: kernels' own buffers, and the pictures' latents."""
HIGHER = 1.04
"""The highest peak that was measured on an H100 and an H200, as a multiple of the count."""
HIGHER_ON_CPU = 1.12
"""The highest that was measured on a CPU (`benchmarks/cpu_memory.py`)."""


@dataclass(frozen=True)
class TrainingPlan:
    """How a run is trained."""

    config: FinetuneConfig
    """The settings, with a batch that fits."""
    needed: int
    """Bytes that this takes."""
    free: int
    of_gpu: bool = True
    """Whether it is a GPU's memory, and not the machine's."""
    resumes: bool = False
    """Whether the run began, so that only what leaves its weights as they are can take less."""
    frozen_in_float32: bool = False
    """Whether weights that are not trained are in float32, so that half precision takes half as much."""

    @property
    def fits(self) -> bool:
        """Whether the estimate is within the free memory."""
        return self.needed <= self.free

    def said(self) -> str:
        """Return the sentence for the user."""
        config = self.config
        needed, free = f"{self.needed / GIB:.1f} GiB", said_free(self.free, self.of_gpu)
        if not self.fits:
            remedies = [] if self.resumes else ["a smaller resolution"]
            remedies += ["gradient_checkpointing=True"] if _ruled_out(config) else []
            remedies += [] if self.resumes or config.method == "lora" else ["method=lora"]
            remedies += [in_half(self.of_gpu)] if self.frozen_in_float32 and not self.resumes else []
            give = f", or give {', or '.join(remedies)}" if remedies else ""
            return (
                f"Training ({config.method}) needs about {needed} at least, and {free} are free. It may not fit"
                f"{'' if self.of_gpu else ENDED}: close other programs{give}."
            )
        parts = config.gradient_accumulation_steps
        times = f", {parts} times for each step" if parts > 1 else ""
        twice = ", activations computed twice" if config.gradient_checkpointing else ""
        what = f"{config.method} with batches of {config.batch_size}{times}{twice}, about {needed}"
        return f"{free} are free: {what}."


def plan_training(
    config: FinetuneConfig, free: int, count: Callable[[FinetuneConfig], int], of_gpu: bool = True
) -> TrainingPlan:
    """Return a plan with the first of `ways` that fits in `free` bytes. If none does, return the smallest.

    Args:
        count: returns the bytes that training with these settings takes, without kernels' own buffers.
    """
    tried: list[TrainingPlan] = []
    for way in ways(config):
        tried.append(TrainingPlan(way, _with_allowance(count(way), of_gpu), free, of_gpu))
        if tried[-1].fits:
            return tried[-1]
    return min(tried, key=lambda plan: plan.needed)


def plan_resumed(
    config: FinetuneConfig, free: int, count: Callable[[FinetuneConfig], int], of_gpu: bool = True
) -> TrainingPlan:
    """Return the plan of a run that began: its batches stay, because the trained bits depend on them.

    Activations are computed twice if that makes it fit: the weights are the same.

    Raises ResumeRefused if even the count, without anything added, is more than `free` of a GPU. A machine's memory can
    be larger than what is free, because systems move parts of it to the disk.
    """
    tried = []
    for checkpointing in _checkpointing(config):
        way = replace(config, gradient_checkpointing=checkpointing)
        counted = count(way)
        tried.append(TrainingPlan(way, _with_allowance(counted, of_gpu), free, of_gpu, resumes=True))
        if tried[-1].fits:
            return tried[-1]
    if of_gpu and counted > free:
        raise ResumeRefused(
            f"The run keeps its batches of {config.batch_size}, which need about {tried[-1].needed / GIB:.1f} GiB, and "
            f"{free / GIB:.1f} GiB of GPU memory are free.",
            f"Close other programs, resume it on a larger GPU,{_or_compute_twice(config)} or start a new run without "
            "resume=True: it takes batches that fit.",
        )
    return tried[-1]


def _with_allowance(counted: int, of_gpu: bool) -> int:
    return round((HIGHER if of_gpu else HIGHER_ON_CPU) * counted) + WORKSPACE


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
