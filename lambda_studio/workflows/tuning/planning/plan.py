"""The plan of a fine-tuning run, as plain values."""

from dataclasses import dataclass, field
from typing import Any

from lambda_studio.workflows.answers.runs import Remark


@dataclass(frozen=True)
class ConceptShare:
    """A concept in a plan. `seen` is how often the run draws one of its images."""

    name: str
    noun: str
    version: int
    images: int
    seen: int
    held_back: tuple[str, ...] = ()
    """The files of the images that are not trained on, see `holdout`."""


@dataclass(frozen=True)
class Bucket:
    """A shape of `aspect_ratio_buckets`, in pixels, and the number of images that are learnt in it."""

    width: int
    height: int
    images: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height} ({self.images} {'image' if self.images == 1 else 'images'})"


@dataclass(frozen=True)
class FinetunePlan:
    """A run that was not started: what would be trained on what, and what it would take."""

    stack: str
    concepts: tuple[ConceptShare, ...]
    settings: dict[str, Any]
    """All settings of the run, with those that fit it to the memory."""
    steps: int
    images_a_step: int
    remarks: tuple[Remark, ...]
    to_encode: int | None = None
    """Crops of images that are encoded before the first step."""
    needed_bytes: int | None = None
    """What the training takes of the GPU's memory, or without a GPU of the machine's; None if it was not counted."""
    free_bytes: int | None = None
    of_gpu: bool | None = None
    """Whether the two are of a GPU's memory, and not of the machine's; None if they are not known."""
    seconds_a_step: float | None = None
    """Measured on a few steps on this device."""
    not_measured: str | None = None
    """Why there are no time and no memory."""
    process_bytes: int | None = None
    """Without a GPU: the most memory that this process has had, with the steps that were timed."""
    buckets: tuple[Bucket, ...] = ()
    """The shapes that images are learnt in, with `aspect_ratio_buckets`."""
    unusual: dict[str, Any] = field(default_factory=dict)
    """The steps, and the settings that differ from the stack's own."""

    @property
    def seconds(self) -> float | None:
        """The time of all steps; None if it was not measured."""
        return None if self.seconds_a_step is None else self.seconds_a_step * self.steps
