"""Settings: frozen, keyword-only, each default stated once."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeVar

from lambda_studio.errors import InvalidSetting


def require(condition: bool, cause: str, remedy: str) -> None:
    """Raise InvalidSetting unless `condition` holds."""
    if not condition:
        raise InvalidSetting(cause, remedy)


@dataclass(frozen=True, kw_only=True)
class GenerateConfig:
    """How pictures are drawn from a prompt. The defaults are the paper's (section 4)."""

    num_inference_steps: int = 50
    """DDIM steps."""
    guidance_scale: float = 7.5
    """Classifier-free guidance; 1 switches it off."""
    seed: int = 0
    """Picture i of a command is drawn from seed + i, whatever the batch."""
    resolution: int | None = None
    """Pixels on a side; None is the stack's own."""
    batch_size: int = 8
    """Pictures drawn at once; it changes the memory used, not the pictures."""

    def __post_init__(self) -> None:
        require(1 <= self.num_inference_steps <= 1000, f"--steps is {self.num_inference_steps}.", "Give 1 to 1000.")
        require(0 <= self.guidance_scale <= 100, f"--guidance is {self.guidance_scale}.", "Give 0 to 100.")
        require(self.batch_size >= 1, f"The batch size is {self.batch_size}.", "Give 1 or more.")
        require(self.seed >= 0, f"--seed is {self.seed}.", "Give 0 or more.")


@dataclass(frozen=True, kw_only=True)
class FinetuneConfig:
    """How the decoder is tuned on concepts (λ-ECLIPSE, Eq. 2 and appendix D)."""

    method: Literal["lora", "full"] = "lora"
    """`lora` trains low-rank updates of every attention projection, `full` the whole UNet."""
    rank: int = 16
    """LoRA's rank."""
    steps: int = 400
    """Optimiser steps; the paper takes 400 for one concept."""
    learning_rate: float | None = None
    """AdamW's, constant, without warm-up. None: 1e-4 for lora, 1e-5 (the paper's) for full."""
    batch_size: int = 4
    """Images in one micro-step."""
    gradient_accumulation_steps: int = 1
    """Micro-steps in one optimiser step."""
    weight_decay: float = 1e-2
    """AdamW's."""
    max_grad_norm: float = 1.0
    """Gradients are clipped to this norm."""
    resolution: int | None = None
    """Pixels on a side of the training crops; None is the stack's own."""
    mixed_precision: Literal["no", "fp16", "bf16"] = "no"
    """As accelerate names it."""
    checkpoint_every: int = 100
    """Optimiser steps between checkpoints; the last two are kept."""
    seed: int = 0
    """Order, noise and timesteps are functions of the seed and the step alone."""

    def __post_init__(self) -> None:
        require(self.method in ("lora", "full"), f"--method is {self.method!r}.", "Give lora or full.")
        for name in ("rank", "steps", "batch_size", "gradient_accumulation_steps", "checkpoint_every"):
            value = getattr(self, name)
            require(value >= 1, f"--{name.replace('_', '-')} is {value}.", "Give 1 or more.")
        rate = self.learning_rate
        require(rate is None or 0 < rate < 1, f"--learning-rate is {rate}.", "Give a number between 0 and 1.")
        require(self.seed >= 0, f"--seed is {self.seed}.", "Give 0 or more.")

    @property
    def effective_learning_rate(self) -> float:
        """The learning rate, with the method's default filled in."""
        return self.learning_rate or {"lora": 1e-4, "full": 1e-5}[self.method]


Config = TypeVar("Config", GenerateConfig, FinetuneConfig)


def chosen_settings(config: Config) -> dict[str, Any]:
    """Return the settings that are not at their default: what a run is known by, whatever settings come later."""
    values = {field.name: (getattr(config, field.name), field.default) for field in fields(config)}
    return {name: value for name, (value, default) in values.items() if value != default}


def settings_from(kind: type[Config], *layers: Mapping[str, Any]) -> Config:
    """A configuration from layers of settings, later ones first; None in a layer is not given.

    Raises InvalidSetting for a key that `kind` does not have, and names the nearest it has.
    """
    known = [field.name for field in fields(kind)]
    given = {key: value for layer in layers for key, value in layer.items() if value is not None}
    for key in given:
        near = difflib.get_close_matches(key, known, n=1) or known
        require(key in known, f"There is no setting {key!r}.", f"Did you mean {near[0]}?")
    return kind(**given)
