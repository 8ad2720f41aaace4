"""One stage of the recipe: how long and fast it trains, and its loss function as an objective of the training loop."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from lambda_studio.progress import Progress, silent
from lambda_studio.training.hooks import Hooks, StepReport
from lambda_studio.training.objectives import whole_model
from lambda_studio.training.optimiser import TrainConfig
from lambda_studio.training.randomness import MicroStep
from lambda_studio.training.resume import holds_a_run
from lambda_studio.training.schedules import cosine, warmed_up
from lambda_studio.training.trainer import train

LossOf = Callable[[int], Mapping[str, Tensor]]
"""From a step's number (the first is 0) to its losses; `loss` is minimised, the others are logged."""

LOG_EVERY = 20
"""A stage's losses are logged at every so many steps."""


@dataclass(frozen=True, kw_only=True)
class StageConfig:
    """How one stage is trained."""

    steps: int
    batch_size: int
    learning_rate: float
    warmup_steps: int = 100
    weight_decay: float = 0.01
    ema_decay: float = 0.0
    """0 keeps no moving average; otherwise the average of the weights is kept at the end."""
    checkpoint_every: int = 250

    def train_config(self, name: str) -> TrainConfig:
        """Return the loop's settings: warm-up, then a cosine to a hundredth."""
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
    """A loss function of the step, computed in bfloat16 where autocast thinks that it can be."""

    def __init__(self, name: str, model: nn.Module, loss_of: LossOf, config: StageConfig):
        self.name, self.model, self.loss_of, self.config = name, model, loss_of, config

    def describe(self, processes: int) -> dict[str, str]:
        """Return the stage's settings."""
        chosen = {"stage": self.name, **asdict(self.config), "processes": processes}
        del chosen["checkpoint_every"]
        return {name: str(value) for name, value in chosen.items()}

    def trainable(self, device: torch.device) -> AbstractContextManager[dict[str, nn.Parameter]]:
        """Lend every weight that asks for a gradient."""
        return whole_model(self.model, device)

    def losses(self, model: nn.Module, at: MicroStep) -> Mapping[str, Tensor]:
        """Return the losses of the step. They are of parts of the model, so they never call it as a whole."""
        device = next(self.model.parameters()).device.type
        with torch.autocast(device, torch.bfloat16), _attention(device):
            return self.loss_of(at.number)


def _attention(device: str) -> AbstractContextManager[None]:
    """Take the plain formula on a CPU: over a few dozen tokens the fused kernels' backward takes four times as long."""
    return sdpa_kernel(SDPBackend.MATH) if device == "cpu" else nullcontext()


def train_stage(objective: StageObjective, work: Path, progress: Progress = silent) -> None:
    """Train `objective.model` in place, in `work`/name. Stopped and called again, it goes on from its last checkpoint.

    Raises TrainingDiverged where the loss is NaN, and ResumeRefused where the stage was begun with other settings.
    """
    name, config, done = objective.name, objective.config, 0
    folder = work / name
    with progress(name, config.steps) as advance:

        def on_step(report: StepReport) -> None:
            nonlocal done
            advance(report.step - done, note=f"loss {report.loss:.4f}")
            done = report.step

        train(objective, config.train_config(name), folder, holds_a_run(folder), Hooks(on_step=on_step))
