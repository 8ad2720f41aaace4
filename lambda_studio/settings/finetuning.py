"""Settings for fine-tuning."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from lambda_studio.settings.base import Settings, require, shown

LORA_ONLY = ("lora_alpha", "lora_dropout", "use_dora", "use_rslora", "targets", "keep_dressed")
"""Settings that say nothing of the method `full`."""

SCHEDULES = ("constant", "linear", "polynomial", "cosine", "cosine_with_restarts")
OPTIMISERS = ("adamw", "adamw-8bit")
CONDITIONS = ("paper", "prior", "both", "scenes")
TRACKERS = ("tensorboard", "trackio", "wandb")
PACKAGED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*", re.ASCII)
"""The name of a class in a module, as torch.optim:SGD."""


@dataclass(frozen=True, kw_only=True)
class FinetuneConfig(Settings):
    """Settings for fine-tuning the decoder on concepts (λ-ECLIPSE, Eq. 2 and appendix D)."""

    method: Literal["lora", "full"] = "lora"
    """`lora` trains low-rank updates of some layers, `full` the whole UNet."""
    rank: int = 16
    """The rank of the LoRA updates."""
    lora_alpha: float | None = None
    """The updates are scaled by lora_alpha / rank. None is the rank: a scale of 1."""
    lora_dropout: float = 0.0
    """The share of an update's inputs that a training step sets to 0."""
    use_dora: bool = False
    """Learn the length of each row of a weight apart from its direction (DoRA)."""
    use_rslora: bool = False
    """Scale the updates by lora_alpha / sqrt(rank), so that a higher rank does not learn more slowly (rsLoRA)."""
    targets: Literal["attention", "attention-and-convolutions", "image"] = "attention"
    """The layers of a LoRA: every attention projection, the convolutions too, or the layers that the image embedding
    enters."""
    steps: int = 400
    """Optimiser steps. By default 400 for one concept, and for thirty the stack's `steps_for_thirty`."""
    weights: Mapping[str, float] | None = None
    """How much more often than others a concept is drawn, by its name; 1 if it is not named. Tenths count."""
    start_from: str | None = None
    """The SHA-256 of the adapter whose weights the training begins with."""
    learning_rate: float | None = None
    """The optimiser's learning rate. None: 1e-4 for lora, 1e-5 (the paper's) for full; MODULE:CLASS needs one."""
    optimizer: str = "adamw"
    """`adamw`; `adamw-8bit`, whose states take a quarter of the memory (bitsandbytes); or an installed package's
    class as MODULE:CLASS."""
    lr_scheduler: Literal["constant", "linear", "polynomial", "cosine", "cosine_with_restarts"] = "constant"
    """The change of the learning rate over the run. `cosine` falls to a hundredth at the last step, `linear` and
    `polynomial` to nearly 0."""
    lr_num_cycles: int = 1
    """How often `cosine_with_restarts` falls."""
    lr_power: float = 1.0
    """The power of `polynomial`; 1 is linear."""
    lr_warmup_steps: int = 0
    """The learning rate rises over this many steps from nearly 0; 0 is no warm-up."""
    batch_size: int = 4
    """Images in one micro-step."""
    gradient_accumulation_steps: int = 1
    """Micro-steps in one optimiser step."""
    gradient_checkpointing: bool = False
    """Compute activations twice in place of keeping them: less memory, more time, the same weights."""
    weight_decay: float = 1e-2
    """The optimiser's weight decay."""
    snr_gamma: float | None = None
    """Weight each timestep's error by min(SNR, snr_gamma) / SNR (min-SNR; its paper uses 5). None weights all by 1."""
    soft_min_snr: bool = False
    """Weight by snr_gamma / (SNR + snr_gamma), which falls smoothly."""
    masked_loss: bool = False
    """Weight the error by the subject's mask. Pictures without a mask count everywhere."""
    background_weight: float = 0.1
    """The weight of the background's error, if `masked_loss`."""
    timestep_sampling: Literal["uniform", "logit-normal"] = "uniform"
    """The distribution of the timesteps. `logit-normal` draws the middle ones more often."""
    max_grad_norm: float = 1.0
    """Gradients are clipped to this norm."""
    ema_decay: float = 0.0
    """Decay of an exponential moving average of the weights, which the adapter then contains; 0 uses none."""
    conditions: Literal["paper", "prior", "both", "scenes"] = "paper"
    """The embeddings that a picture is learnt from: its own (`paper`), the prior's for "a <name>", or both.

    `scenes` is both, and the prior's for other places and beside other concepts, of which only subjects are learnt."""
    keep_dressed: int = 0
    """The number of prompts for each picture such as "a <name> wearing a hat on the beach", for which a LoRA learns to
    change nothing. Worn things then stay in long trainings, and the gain is smaller. 0: none."""
    resolution: int | None = None
    """Pixels on a side of the training crops; None is the stack's resolution."""
    variants: int = 1
    """Crops of each picture: its main square, and squares around the subject from close to wide.

    The main square is the largest one that has most of the subject, with the subject in its middle if it can be."""
    aspect_ratio_buckets: bool = False
    """Learn the largest part in the shape of each picture's bucket, up to 2:1, in place of its main square."""
    random_flip: bool = False
    """Learn the mirror image of each crop too. Marks and lettering lose their left and right.

    With `conditions="paper"`, all asymmetric subjects do. Otherwise the prior's predictions are learnt from pictures in
    which the subject faces one way: the way of most of its pictures. Of the others with a mask, it is the mirror
    images."""
    compile: bool = False
    """Compile the UNet's passes by torch.compile: faster steps after some minutes of compiling."""
    mixed_precision: Literal["no", "fp16", "bf16"] = "no"
    """The number format of the training, as accelerate names it."""
    preview_every: int | None = None
    """Optimiser steps between preview pictures. None: a quarter of the steps; 0: none are drawn."""
    preview_prompts: tuple[str, ...] = ()
    """What previews draw, with concepts as <name>. If there are none: "a <name>", for the first four concepts."""
    report_to: tuple[str, ...] = ()
    """Programs that the losses are passed on to: tensorboard, trackio and wandb, as accelerate names them."""
    holdout: int = 0
    """Reference images of each concept that are not trained on. At each preview, pictures are scored against them."""
    keep: Literal["last", "best"] = "last"
    """The weights of the adapter: those of the last step, or those of the preview with the best score."""
    patience: int = 0
    """The run ends after so many previews without a better score; 0: it does not."""
    ease_off: bool = False
    """`patience` counts for each concept: one that is done is drawn a fifth as often; the run ends with the last."""
    checkpoint_every: int = 100
    """Optimiser steps between checkpoints; the last two are kept. Large checkpoints are written less often."""
    seed: int = 0
    """The seed. Order, noise and timesteps depend only on the seed and the step."""

    not_in_files: ClassVar[frozenset[str]] = frozenset({"start_from"})  # an adapter's hash: give --from its number

    def __post_init__(self, _given: frozenset[str]) -> None:
        super().__post_init__(_given)
        self._require("method", self.method in ("lora", "full"), "Give lora or full.")
        self._require_between(1, "rank", "steps", "batch_size", "gradient_accumulation_steps", "checkpoint_every")
        self._require_between(1, "resolution", "variants", "lr_num_cycles")
        self._require_between(0, "lr_warmup_steps", "seed")
        rate = self.learning_rate
        self._require("learning_rate", rate is None or 0 < rate <= 1, "Give more than 0, up to 1.")
        is_known = self.optimizer in OPTIMISERS or PACKAGED.fullmatch(self.optimizer)
        said = f"Give {', '.join(OPTIMISERS)}, or a class of an installed package: torch.optim:SGD."
        self._require("optimizer", bool(is_known), said)
        self._require("lr_scheduler", self.lr_scheduler in SCHEDULES, f"Give one of: {', '.join(SCHEDULES)}.")
        self._require("lr_power", 0 < self.lr_power <= 10, "Give more than 0, up to 10.")
        self._require("conditions", self.conditions in CONDITIONS, "Give paper, prior, both or scenes.")
        self._require("keep_dressed", 0 <= self.keep_dressed <= 6, "Give 0 to 6.")
        self._require_lora()
        self._require_loss()
        self._require_crops()
        self._require_weights()
        self._require("preview_every", self.preview_every is None or self.preview_every >= 0, "Give 0 or more.")
        self._require_scores()
        object.__setattr__(self, "preview_prompts", tuple(self.preview_prompts))  # a list after JSON
        self._require("preview_prompts", len(self.preview_prompts) <= 8, "Give at most 8 prompts.")
        object.__setattr__(self, "report_to", tuple(self.report_to))
        known = all(name in TRACKERS for name in self.report_to)
        self._require("report_to", known, f"Give some of: {', '.join(TRACKERS)}.")
        most = "Give more than 0, up to 1000000, which clips nothing."
        self._require("max_grad_norm", 0 < self.max_grad_norm <= 1e6, most)
        self._require("weight_decay", 0 <= self.weight_decay <= 100, "Give 0 to 100.")
        self._require("ema_decay", 0 <= self.ema_decay < 1, "Give 0 or more, and less than 1.")

    @classmethod
    def spelled(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return values with the name of a schedule as it is here. `constant_with_warmup` is `constant`."""
        schedule = values.get("lr_scheduler")
        if not isinstance(schedule, str):
            return dict(values)
        return {**values, "lr_scheduler": schedule.replace("-", "_").removesuffix("_with_warmup")}

    def _require_scores(self) -> None:
        self._require("keep", self.keep in ("last", "best"), "Give last or best.")
        self._require_between(0, "holdout", "patience")
        none = self.holdout and self.preview_every == 0
        require(
            not none,
            "holdout is given, and preview_every is 0.",
            "Give preview_every=50, for instance.",
            "holdout",
            "preview_every",
        )
        scored = {"keep": self.keep == "best", "patience": self.patience > 0, "ease_off": self.ease_off}
        for name, wanted in scored.items():
            cause = f"{name} needs scores, and no image is held back for them."
            require(not wanted or self.holdout > 0, cause, "Give holdout=1 with it.", name, "holdout")
        cause = "ease_off is given without patience."
        require(not self.ease_off or self.patience > 0, cause, "Give patience=2 with it.", "ease_off", "patience")

    def _require_weights(self) -> None:
        if self.weights is None:
            return
        object.__setattr__(self, "weights", {name: float(self.weights[name]) for name in sorted(self.weights)})
        for name, weight in self.weights.items():
            cause = f"The weight of {name} is {weight:g}."
            require(
                0.1 <= weight <= 1000, cause, "Give 0.1 to 1000. To leave a concept out, do not name it.", "weights"
            )

    def _require_lora(self) -> None:
        kinds = ("attention", "attention-and-convolutions", "image")
        self._require("targets", self.targets in kinds, "Give attention, attention-and-convolutions or image.")
        alpha = self.lora_alpha
        self._require("lora_alpha", alpha is None or 0 < alpha <= 65536, "Give more than 0, up to 65536.")
        self._require("lora_dropout", 0 <= self.lora_dropout < 1, "Give 0 or more, and less than 1.")
        for name in LORA_ONLY:
            is_default = getattr(self, name) == getattr(type(self), name)
            message = f"{name} is {shown(getattr(self, name))}, and the whole UNet is trained."
            require(self.method == "lora" or is_default, message, f"Leave out {name}, or give method=lora.", name)

    def _require_crops(self) -> None:
        cause = f"variants is {self.variants}, and conditions=prior learns no picture from its own embedding."
        remedy = "Give conditions=both or scenes, or leave out variants."
        require(self.conditions != "prior" or self.variants == 1, cause, remedy, "variants")

    def _require_loss(self) -> None:
        gamma = self.snr_gamma
        self._require("snr_gamma", gamma is None or 0 < gamma <= 1000, "Give more than 0, up to 1000; usually 5.")
        self._require("soft_min_snr", not self.soft_min_snr or gamma is not None, "Give snr_gamma=5 with it.")
        self._require("background_weight", 0 <= self.background_weight <= 1, "Give 0 to 1.")
        sampling = ("uniform", "logit-normal")
        self._require("timestep_sampling", self.timestep_sampling in sampling, "Give uniform or logit-normal.")

    @property
    def effective_learning_rate(self) -> float:
        """The learning rate, or the method's default."""
        return self.learning_rate or {"lora": 1e-4, "full": 1e-5}[self.method]

    def preferring(self, preferences: Mapping[str, Any]) -> "FinetuneConfig":
        """Return these settings with `preferences` for the fields that were not given.

        A given optimiser of another package does not take the learning rate that is preferred for AdamW. Of one that is
        preferred for a LoRA, `full` takes a tenth, as the defaults have it; the other way round it is not taken. A
        preferred shape of a LoRA counts only if both are LoRAs. Raises InvalidSetting.
        """
        wanted = dict(preferences)
        theirs = self.optimizer not in OPTIMISERS and preferences.get("optimizer") != self.optimizer
        preferred = preferences.get("method", "lora")
        method = self.method if "method" in self.given else preferred
        unwanted = {"rank", *LORA_ONLY} if "full" in (method, preferred) else set()
        if method != preferred:
            rate = wanted.pop("learning_rate", None)
            wanted |= {"learning_rate": rate / 10} if rate and method == "full" else {}
        if theirs and "optimizer" in self.given:
            unwanted |= {"learning_rate"}
        return super().preferring({name: value for name, value in wanted.items() if name not in unwanted})
