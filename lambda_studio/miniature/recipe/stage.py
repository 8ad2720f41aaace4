"""One stage of the recipe: its training settings, and its loss function as an objective of the training loop."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from lambda_studio.progress import Progress, silent
from lambda_studio.training.checkpoints.resume import holds_a_run
from lambda_studio.training.hooks import Hooks, StepReport
from lambda_studio.training.objectives.objectives import whole_model
from lambda_studio.training.optimisation.optimiser import TrainConfig
from lambda_studio.training.optimisation.schedules import cosine, warmed_up
from lambda_studio.training.randomness import MicroStep
from lambda_studio.training.trainer import train

LossOf = Callable[[int], Mapping[str, Tensor]]
"""A function from a step's number (from 0) to its losses. `loss` is minimised, and all losses are logged."""

LOG_EVERY = 20
"""The number of steps from one logged line of losses to the next."""


@dataclass(frozen=True, kw_only=True)
class StageConfig:
    """The training settings of one stage."""

    steps: int
    batch_size: int
    learning_rate: float
    warmup_steps: int = 100
    weight_decay: float = 0.01
    ema_decay: float = 0.0
    """0 means no moving average; otherwise the stage ends with the average of the weights."""
    checkpoint_every: int = 250

    def scaled(self, share: float) -> "StageConfig":
        """Return the stage with `share` of the steps, and eight checkpoints or more."""
        steps = max(2, int(self.steps * share))
        return replace(self, steps=steps, checkpoint_every=min(self.checkpoint_every, max(1, steps // 8)))

    def train_config(self, name: str) -> TrainConfig:
        """Return the training loop's settings: a warm-up, then a cosine down to a hundredth."""
        return TrainConfig(
            steps=self.steps,
            learning_rate=self.learning_rate,
            schedule=warmed_up(cosine(self.steps), self.warmup_steps),
            betas=(0.9, 0.98),
            weight_decay=self.weight_decay,
            ema_decay=self.ema_decay,
            checkpoint_every=self.checkpoint_every,
            log_every=LOG_EVERY,
            when_diverged=f"Lower the learning rate of stage {name}.",
        )


class StageObjective:
    """A loss as a function of the step, computed in bfloat16 where autocast allows it."""

    def __init__(self, name: str, model: nn.Module, loss_of: LossOf, config: StageConfig):
        self.name, self.model, self.loss_of, self.config = name, model, loss_of, config

    def describe(self, processes: int) -> dict[str, str]:
        """Return the stage's settings as text."""
        device = next(self.model.parameters()).device.type  # devices draw different numbers
        chosen = {"stage": self.name, **asdict(self.config), "processes": processes, "device": device}
        del chosen["checkpoint_every"]
        return {name: str(value) for name, value in chosen.items()}

    def trainable(self, device: torch.device) -> AbstractContextManager[dict[str, nn.Parameter]]:
        """Lend every weight that requires a gradient."""
        return whole_model(self.model, device)

    def losses(self, model: nn.Module, at: MicroStep) -> Mapping[str, Tensor]:
        """Return the losses of the step. Losses call parts of the model only, so `model` is not used."""
        device = next(self.model.parameters()).device.type
        # no CUDA graph can be captured with autocast's cache
        with torch.autocast(device, torch.bfloat16, cache_enabled=device == "cpu"), _attention(device):
            return self.loss_of(at.number)


def _attention(device: str) -> AbstractContextManager[None]:
    """Use plain attention on a CPU: over a few dozen tokens the fused kernels' backward takes four times as long."""
    return sdpa_kernel(SDPBackend.MATH) if device == "cpu" else nullcontext()


def train_stage(objective: StageObjective, work: Path, progress: Progress = silent) -> None:
    """Train `objective.model` in place, in `work`/name. A stopped stage resumes from its last checkpoint.

    Raises:
        TrainingDiverged: a loss or a weight is NaN or infinite.
        ResumeRefused: the stage was started with other settings, or its checkpoints are damaged.
        CheckpointFailed: the disk refused a checkpoint.
    """
    name, config, done = objective.name, objective.config, 0
    folder = work / name
    with progress(name, config.steps) as advance:

        def on_step(report: StepReport) -> None:
            nonlocal done
            advance(report.step - done, note=f"loss {report.loss:.4f}")
            done = report.step

        train(objective, config.train_config(name), folder, holds_a_run(folder), Hooks(on_step=on_step))
