"""Settings: frozen, keyword-only, each default defined once."""

import difflib
from collections.abc import Mapping
from dataclasses import InitVar, dataclass, fields, replace
from typing import Any, Literal, NamedTuple, TypeVar

from lambda_studio.errors import InvalidSetting


def require(condition: bool, cause: str, remedy: str, *fields: str) -> None:
    """Raise InvalidSetting if `condition` is false. `fields` are the settings in the cause or remedy."""
    if not condition:
        raise InvalidSetting(cause, remedy, *fields)


Config = TypeVar("Config", bound="Settings")

LARGEST = {
    "rank": 4096,
    "steps": 10_000_000,
    "batch_size": 4096,
    "gradient_accumulation_steps": 4096,
    "checkpoint_every": 10_000_000,
    "lr_warmup_steps": 10_000_000,
    "resolution": 4096,
    "height": 4096,
    "width": 4096,
    "seed": 2**53,
}
"""Upper bounds. A seed beyond 2**53 is not exact in other programs' JSON."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings that record the given fields, so that a stack's preferences replace only the other fields."""

    _given: InitVar[frozenset[str]] = frozenset()
    """The given fields of the object that `dataclasses.replace` copies. It must be the first field: see `__new__`."""

    def __new__(cls: type[Config], **named: Any) -> Config:
        # dataclasses.replace passes the changed fields first, then every other field in order, beginning with _given.
        changed = list(named)[: list(named).index("_given")] if "_given" in named else named
        made = object.__new__(cls)
        object.__setattr__(made, "_given", frozenset(changed) | named.get("_given", frozenset()))
        return made

    @property
    def given(self) -> frozenset[str]:
        """The names of the given fields, even if a value equals the default."""
        names: frozenset[str] = vars(self)["_given"]
        return names

    def _require(self, field: str, condition: bool, remedy: str) -> None:
        value = getattr(self, field)
        require(condition, f"{field} is {value!r}.", remedy, field)

    def _require_between(self, least: int, *names: str) -> None:
        for name in names:
            value, most = getattr(self, name), LARGEST[name]
            self._require(name, value is None or least <= value <= most, f"Give {least} to {most}.")

    def preferring(self: Config, preferences: Mapping[str, Any]) -> Config:
        """Return these settings with `preferences` for the fields that were not given.

        Raises InvalidSetting, with the nearest field, for an unknown name.
        """
        known = [each.name for each in fields(self)]
        for name in preferences:
            near = difflib.get_close_matches(name, known, n=1) or known
            require(name in known, f"There is no setting {name!r}.", f"Did you mean {near[0]}?")
        return replace(self, **{name: value for name, value in preferences.items() if name not in self.given})


class Size(NamedTuple):
    """The height and width of a picture, in pixels. As text, a square is one number: 512, and 768x512 wide and high."""

    height: int
    width: int

    @classmethod
    def square(cls, side: int) -> "Size":
        """Return the size of a square."""
        return cls(side, side)

    def __str__(self) -> str:
        return f"{self.width}" if self.height == self.width else f"{self.width}x{self.height}"


SIZE_FIELDS = frozenset(("resolution", "height", "width"))


@dataclass(frozen=True, kw_only=True)
class GenerateConfig(Settings):
    """Settings for drawing a prompt. The defaults are the paper's (section 4)."""

    num_inference_steps: int = 50
    """DDIM steps."""
    guidance_scale: float = 7.5
    """Classifier-free guidance; 1 switches it off."""
    seed: int | None = None
    """Picture i of a command uses seed + i, for every batch size. None: a new seed for each command, which is told."""
    resolution: int | None = None
    """Pixels on a side of square pictures; None is the stack's resolution."""
    height: int | None = None
    """Pixels from top to bottom; None is the stack's resolution. Not together with `resolution`."""
    width: int | None = None
    """Pixels from left to right; None is the stack's resolution. Not together with `resolution`."""
    batch_size: int = 8
    """Pictures drawn at once. It affects memory use, not the pictures."""
    decode_in_tiles: bool = False
    """Decode pictures above 768 pixels in tiles: less memory, and a slightly different picture. Also chosen where the
    free memory of the GPU is less than decoding the whole picture takes."""

    def __post_init__(self, _given: frozenset[str]) -> None:
        self._require("num_inference_steps", 1 <= self.num_inference_steps <= 1000, "Give 1 to 1000.")
        self._require(
            "guidance_scale",
            0 < self.guidance_scale <= 100,
            "Give more than 0, up to 100. 0 would ignore the prompt; 1 switches guidance off.",
        )
        self._require_between(1, "batch_size", *sorted(SIZE_FIELDS))
        self._require_between(0, "seed")
        require(
            self.resolution is None or (self.height is None and self.width is None),
            "Both resolution and size (height, width) are given.",
            "Give one of them: resolution is for squares.",
            "resolution",
            "size",
        )

    def size(self, resolution: int) -> Size:
        """Return the size of the pictures, for a stack with this resolution."""
        if self.resolution is not None:
            return Size.square(self.resolution)
        return Size(self.height or resolution, self.width or resolution)

    def preferring(self, preferences: Mapping[str, Any]) -> "GenerateConfig":
        """Return these settings with `preferences` for the fields that were not given.

        A stack's preferred size counts only if nothing about the size was given. Raises InvalidSetting.
        """
        if self.given & SIZE_FIELDS:
            preferences = {name: value for name, value in preferences.items() if name not in SIZE_FIELDS}
        return super().preferring(preferences)


@dataclass(frozen=True, kw_only=True)
class FinetuneConfig(Settings):
    """Settings for fine-tuning the decoder on concepts (λ-ECLIPSE, Eq. 2 and appendix D)."""

    method: Literal["lora", "full"] = "lora"
    """`lora` trains low-rank updates of every attention projection, `full` the whole UNet."""
    rank: int = 16
    """The rank of the LoRA updates."""
    steps: int = 400
    """Optimiser steps; the paper uses 400 for one concept."""
    learning_rate: float | None = None
    """AdamW's learning rate. None: 1e-4 for lora, 1e-5 (the paper's) for full."""
    lr_scheduler: Literal["constant", "cosine"] = "constant"
    """The change of the learning rate over the run. `cosine` falls to a hundredth at the last step."""
    lr_warmup_steps: int = 0
    """The learning rate rises over this many steps from nearly 0; 0 is no warm-up."""
    batch_size: int = 4
    """Images in one micro-step."""
    gradient_accumulation_steps: int = 1
    """Micro-steps in one optimiser step."""
    gradient_checkpointing: bool = False
    """Compute activations twice in place of keeping them: less memory, more time, the same weights."""
    weight_decay: float = 1e-2
    """AdamW's weight decay."""
    max_grad_norm: float = 1.0
    """Gradients are clipped to this norm."""
    ema_decay: float = 0.0
    """Decay of an exponential moving average of the weights, which the adapter then contains; 0 uses none."""
    conditions: Literal["paper", "prior", "both"] = "paper"
    """The embeddings that a picture is learnt from: its own (`paper`), the prior's for "a <name>", or both."""
    resolution: int | None = None
    """Pixels on a side of the training crops; None is the stack's resolution."""
    mixed_precision: Literal["no", "fp16", "bf16"] = "no"
    """The number format of the training, as accelerate names it."""
    checkpoint_every: int = 100
    """Optimiser steps between checkpoints; the last two are kept. Large checkpoints are written less often."""
    seed: int = 0
    """The seed. Order, noise and timesteps depend only on the seed and the step."""

    def __post_init__(self, _given: frozenset[str]) -> None:
        self._require("method", self.method in ("lora", "full"), "Give lora or full.")
        self._require_between(1, "rank", "steps", "batch_size", "gradient_accumulation_steps", "checkpoint_every")
        self._require_between(1, "resolution")
        self._require_between(0, "lr_warmup_steps", "seed")
        rate = self.learning_rate
        self._require("learning_rate", rate is None or 0 < rate < 1, "Give a number between 0 and 1.")
        self._require("lr_scheduler", self.lr_scheduler in ("constant", "cosine"), "Give constant or cosine.")
        self._require("conditions", self.conditions in ("paper", "prior", "both"), "Give paper, prior or both.")
        self._require("ema_decay", 0 <= self.ema_decay < 1, "Give 0 or more, and less than 1.")

    @property
    def effective_learning_rate(self) -> float:
        """The learning rate, or the method's default."""
        return self.learning_rate or {"lora": 1e-4, "full": 1e-5}[self.method]


def chosen_settings(config: Settings) -> dict[str, Any]:
    """Return the settings that differ from their default. They identify a run, even after new settings are added."""
    values = {field.name: (getattr(config, field.name), field.default) for field in fields(config)}
    return {name: value for name, (value, default) in values.items() if value != default}
