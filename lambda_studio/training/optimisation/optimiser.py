"""Optimiser steps: accumulate gradients, clip, step at the scheduled rate, moving average."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from accelerate import Accelerator
from jaxtyping import Float
from torch import Tensor, nn

from lambda_studio.errors import ResumeRefused
from lambda_studio.models.files.saving import tensor_bytes
from lambda_studio.training.checkpoints.checkpoint import Checkpoint
from lambda_studio.training.objectives.objectives import Objective
from lambda_studio.training.optimisation.ema import MovingAverage
from lambda_studio.training.optimisation.named import ADAMW, Rates, make_optimiser
from lambda_studio.training.optimisation.schedules import Schedule, constant
from lambda_studio.training.optimisation.trial import states_of
from lambda_studio.training.randomness import MicroStep, seed_for


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How long and how fast the loop trains. The objective chooses the model and the examples."""

    steps: int
    """Optimiser steps."""
    learning_rate: float
    """The optimiser's learning rate before the schedule's factor."""
    optimizer: str = ADAMW
    """`adamw`, `adamw-8bit`, or MODULE:CLASS."""
    schedule: Schedule = constant
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 1e-2
    max_grad_norm: float = 1.0
    gradient_accumulation_steps: int = 1
    mixed_precision: Literal["no", "fp16", "bf16"] = "no"
    """Accelerate's name for the precision of the model's forward pass."""
    compile: bool = False
    """Compile the model."""
    ema_decay: float = 0.0
    """0 means no moving average; otherwise the run ends with the average as the model's weights."""
    checkpoint_every: int = 100
    log_every: int = 1
    seed: int = 0
    """The seed of dropout, which is a function of the seed and the micro-step."""
    when_diverged: str = "Start again with a lower learning_rate, or mixed_precision=no."
    """The remedy if the loss is NaN."""


class Optimiser:
    """The model, its optimiser and the moving average. One call of `step` is one optimiser step."""

    def __init__(
        self,
        accelerator: Accelerator,
        objective: Objective,
        parameters: Mapping[str, nn.Parameter],
        config: TrainConfig,
    ):
        self.accelerator, self.objective, self.parameters, self.config = accelerator, objective, parameters, config
        rates = Rates(learning_rate=config.learning_rate, weight_decay=config.weight_decay, betas=config.betas)
        self.model, self.optimizer = accelerator.prepare(
            objective.model, make_optimiser(config.optimizer, parameters.values(), rates)
        )
        self.average = MovingAverage(parameters, config.ema_decay) if config.ema_decay else None

    @property
    def state_bytes(self) -> int:
        """The bytes of a checkpoint's weights, the optimiser's states and the average."""
        weights = list(self.parameters.values())
        states = states_of(self.config.optimizer).stored(weight.numel() for weight in weights)
        return tensor_bytes(weights) * (1 + bool(self.average)) + states

    def step(self, step: int) -> dict[str, Float[Tensor, ""]]:
        """Run optimiser step `step` (from 1) and return its losses, averaged over micro-steps and processes."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate * self.config.schedule(step)
        count = self.config.gradient_accumulation_steps
        losses = [self._micro_step(number) for number in range((step - 1) * count, step * count)]
        if self.average:
            self.average.update(step)
        means = torch.stack([torch.stack([each[name] for each in losses]).mean() for name in losses[0]])
        return dict(zip(losses[0], self.accelerator.reduce(means, "mean").unbind(), strict=True))

    def _micro_step(self, number: int) -> dict[str, Float[Tensor, ""]]:
        at = MicroStep(number, self.accelerator.process_index, self.accelerator.num_processes)
        torch.manual_seed(seed_for(self.config.seed, "dropout", at.number, at.rank))
        with self.accelerator.accumulate(self.model):
            losses = self.objective.losses(self.model, at)
            self.accelerator.backward(losses["loss"])
            if self.accelerator.sync_gradients:
                self.accelerator.clip_grad_norm_(self.parameters.values(), self.config.max_grad_norm)
            self.optimizer.step()
            self.optimizer.zero_grad()
        return {name: value.detach().float() for name, value in losses.items()}

    def is_finite(self) -> bool:
        """Return whether no trained weight is NaN or infinite."""
        return all(bool(torch.isfinite(parameter).all()) for parameter in self.parameters.values())

    def state(self) -> dict[str, Any]:
        """Return the optimiser's part of a checkpoint; `buffers` and `average` only if they exist."""
        scaler = self.accelerator.scaler
        state = {
            "parameters": {name: parameter.detach() for name, parameter in self.parameters.items()},
            "optimizer": self.optimizer.state_dict(),
            "scaler": scaler.state_dict() if scaler else {},
        }
        buffers = self._buffers()
        state |= {"buffers": buffers} if buffers else {}
        state |= {"average": self.average.weights} if self.average else {}
        return state

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue from `state`. Raises ResumeRefused if `state` belongs to another model."""
        saved = {name: weight.shape for name, weight in state["parameters"].items()}
        if saved != {name: parameter.shape for name, parameter in self.parameters.items()}:
            raise ResumeRefused(
                "The checkpoint's weights do not fit this decoder.",
                "Resume with the stack that the run was started on.",
            )
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                parameter.copy_(state["parameters"][name])
            for name, buffer in self._buffers().items():
                buffer.copy_(state["buffers"][name])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.accelerator.scaler and state["scaler"]:
            self.accelerator.scaler.load_state_dict(state["scaler"])
        if self.average:
            self.average.load(state["average"])

    def load_weights(self, checkpoint: Checkpoint) -> None:
        """Give the model the weights of a checkpoint of this run: their average, if it has one."""
        part = "average" if self.average else "parameters"
        parts = ("buffers",) if "buffers" in checkpoint.parts else ()
        state = checkpoint.load(part, *parts)
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                parameter.copy_(state[part][name])
            for name, buffer in self._buffers().items():
                buffer.copy_(state["buffers"][name])

    def _buffers(self) -> dict[str, Tensor]:
        """Return the model's saved buffers, such as the statistics of a batch norm."""
        kept = self.objective.model.state_dict().keys()
        return {name: buffer for name, buffer in self.objective.model.named_buffers() if name in kept}
