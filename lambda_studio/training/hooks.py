"""The reports of a training run, and the functions that receive them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field

import torch
from torch import nn

from lambda_studio.training.optimisation.ema import MovingAverage
from lambda_studio.training.scores import Scoreboard


@dataclass(frozen=True)
class StepReport:
    """A finished optimiser step: its number of `steps`, and its losses averaged over micro-steps."""

    step: int
    steps: int
    loss: float
    """The minimised loss."""
    others: Mapping[str, float] = field(default_factory=dict)
    """The objective's other measurements."""


@dataclass(frozen=True)
class ModelReport:
    """The model after a step; step 0 is before the first one."""

    step: int
    steps: int
    model: nn.Module
    average: MovingAverage | None

    @contextmanager
    def evaluating(self) -> Iterator[nn.Module]:
        """Lend the model as if the run ended now: with its moving average, if any, and without gradients.

        When the block ends, training continues unaffected.
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
    """Optional functions that the loop calls. Only the main process reports."""

    on_step: Callable[[StepReport], None] | None = None
    """Called after each step, but one step late on CUDA, so that no step waits for the device."""
    on_preview: Callable[[ModelReport], None] | None = None
    """Called before the first step, after every `preview_every` steps and after the last one."""
    preview_every: int = 0
    """0: only before the first step and after the last one."""
    should_stop: Callable[[], bool] | None = None
    """Called after each step in every process. True ends the run with a checkpoint of that step."""
    board: Scoreboard | None = None
    """The scores that `on_preview` adds. Checkpoints hold them, and they may end the run. Only for one process."""


NO_HOOKS = Hooks()
