"""What a training run reports, and to which functions."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn

from lambda_studio.training.ema import MovingAverage


@dataclass(frozen=True)
class StepReport:
    """A finished optimiser step: its number out of `steps`, and the mean losses of its micro-steps."""

    step: int
    steps: int
    loss: float
    """The loss that is minimised."""
    others: Mapping[str, float] = field(default_factory=dict)
    """What else the objective measured."""


@dataclass(frozen=True)
class CheckpointReport:
    """A checkpoint that is on the disk, with the model as it is after that step."""

    step: int
    steps: int
    folder: Path
    """The checkpoint's own folder."""
    model: nn.Module
    average: MovingAverage | None

    @contextmanager
    def evaluating(self) -> Iterator[nn.Module]:
        """Lend the model as the run would end with it now: its moving average if there is one, without gradients.

        When the block ends, the training goes on as if nothing had been lent.
        """
        modes = {module: module.training for module in self.model.modules()}
        self.model.eval()
        try:
            with torch.no_grad(), self.average.in_use() if self.average else nullcontext():
                yield self.model
        finally:
            for module, training in modes.items():
                module.training = training


@dataclass(frozen=True, kw_only=True)
class Hooks:
    """Functions that the loop calls, all of them optional. Only the main process reports."""

    on_step: Callable[[StepReport], None] | None = None
    """Called after each step; on CUDA one step late, so that no step waits for the device."""
    on_checkpoint: Callable[[CheckpointReport], None] | None = None
    """Called when a checkpoint is durable."""
    should_stop: Callable[[], bool] | None = None
    """Asked after each step, in every process: yes ends the run with a checkpoint of that step."""


NO_HOOKS = Hooks()
