"""Settings: frozen, keyword-only, each default stated once."""

import difflib
from collections.abc import Mapping
from dataclasses import InitVar, dataclass, fields, replace
from typing import Any, Literal, TypeVar

from lambda_studio.errors import InvalidSetting


def require(condition: bool, cause: str, remedy: str, field: str | None = None) -> None:
    """Raise InvalidSetting unless `condition` holds; `field` is the setting that the cause or remedy names."""
    if not condition:
        raise InvalidSetting(cause, remedy, *([field] if field else []))


Config = TypeVar("Config", bound="Settings")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings that remember which of them were given, so that a stack's preferences fill in only the others."""

    _given: InitVar[frozenset[str]] = frozenset()
    """Of the object that `dataclasses.replace` copies. It must be the first field: see `__new__`."""

    def __new__(cls: type[Config], **named: Any) -> Config:
        # dataclasses.replace passes the changed fields first, then every other field in order, beginning with _given.
        changed = list(named)[: list(named).index("_given")] if "_given" in named else named
        made = object.__new__(cls)
        object.__setattr__(made, "_given", frozenset(changed) | named.get("_given", frozenset()))
        return made

    @property
    def given(self) -> frozenset[str]:
        """The names of the fields that were given, also where the value is the default."""
        names: frozenset[str] = vars(self)["_given"]
        return names

    def _require(self, field: str, condition: bool, remedy: str) -> None:
        value = getattr(self, field)
        require(condition, f"{field} is {value!r}.", remedy, field)

    def preferring(self: Config, preferences: Mapping[str, Any]) -> Config:
        """Return these settings with `preferences` in place of the defaults of fields that were not given.

        Raises InvalidSetting for a name that is no field, and names the nearest.
        """
        known = [each.name for each in fields(self)]
        for name in preferences:
            near = difflib.get_close_matches(name, known, n=1) or known
            require(name in known, f"There is no setting {name!r}.", f"Did you mean {near[0]}?")
        return replace(self, **{name: value for name, value in preferences.items() if name not in self.given})


@dataclass(frozen=True, kw_only=True)
class GenerateConfig(Settings):
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

    def __post_init__(self, _given: frozenset[str]) -> None:
        self._require("num_inference_steps", 1 <= self.num_inference_steps <= 1000, "Give 1 to 1000.")
        self._require("guidance_scale", 0 <= self.guidance_scale <= 100, "Give 0 to 100.")
        self._require("batch_size", self.batch_size >= 1, "Give 1 or more.")
        self._require("seed", self.seed >= 0, "Give 0 or more.")


@dataclass(frozen=True, kw_only=True)
class FinetuneConfig(Settings):
    """How the decoder is tuned on concepts (λ-ECLIPSE, Eq. 2 and appendix D)."""

    method: Literal["lora", "full"] = "lora"
    """`lora` trains low-rank updates of every attention projection, `full` the whole UNet."""
    rank: int = 16
    """LoRA's rank."""
    steps: int = 400
    """Optimiser steps; the paper takes 400 for one concept."""
    learning_rate: float | None = None
    """AdamW's. None: 1e-4 for lora, 1e-5 (the paper's) for full."""
    lr_scheduler: Literal["constant", "cosine"] = "constant"
    """How the learning rate changes over the run; `cosine` falls to a hundredth at the last step."""
    lr_warmup_steps: int = 0
    """The learning rate rises over this many steps from nearly 0; 0 is no warm-up."""
    batch_size: int = 4
    """Images in one micro-step."""
    gradient_accumulation_steps: int = 1
    """Micro-steps in one optimiser step."""
    weight_decay: float = 1e-2
    """AdamW's."""
    max_grad_norm: float = 1.0
    """Gradients are clipped to this norm."""
    ema_decay: float = 0.0
    """Decay of an exponential moving average of the weights, which the adapter then holds; 0 keeps none."""
    resolution: int | None = None
    """Pixels on a side of the training crops; None is the stack's own."""
    mixed_precision: Literal["no", "fp16", "bf16"] = "no"
    """As accelerate names it."""
    checkpoint_every: int = 100
    """Optimiser steps between checkpoints; the last two are kept."""
    seed: int = 0
    """Order, noise and timesteps are functions of the seed and the step alone."""

    def __post_init__(self, _given: frozenset[str]) -> None:
        self._require("method", self.method in ("lora", "full"), "Give lora or full.")
        for name in ("rank", "steps", "batch_size", "gradient_accumulation_steps", "checkpoint_every"):
            self._require(name, getattr(self, name) >= 1, "Give 1 or more.")
        rate = self.learning_rate
        self._require("learning_rate", rate is None or 0 < rate < 1, "Give a number between 0 and 1.")
        self._require("lr_scheduler", self.lr_scheduler in ("constant", "cosine"), "Give constant or cosine.")
        self._require("lr_warmup_steps", self.lr_warmup_steps >= 0, "Give 0 or more.")
        self._require("ema_decay", 0 <= self.ema_decay < 1, "Give 0 or more, and less than 1.")
        self._require("seed", self.seed >= 0, "Give 0 or more.")

    @property
    def effective_learning_rate(self) -> float:
        """The learning rate, with the method's default filled in."""
        return self.learning_rate or {"lora": 1e-4, "full": 1e-5}[self.method]


def chosen_settings(config: Settings) -> dict[str, Any]:
    """Return the settings that are not at their default: what a run is known by, whatever settings come later."""
    values = {field.name: (getattr(config, field.name), field.default) for field in fields(config)}
    return {name: value for name, (value, default) in values.items() if value != default}
