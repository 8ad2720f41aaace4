"""The shape of a LoRA: its rank, its scale, and the layers that it changes. The names are peft's."""

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from lambda_studio.config import FinetuneConfig

Targets = Literal["attention", "attention-and-convolutions", "image"]

ATTENTION = ("to_q", "to_k", "to_v", "to_out.0", "add_k_proj", "add_v_proj")
"""Every projection of the UNet's attention, including the added key and value for the image embedding."""
CONVOLUTIONS = ("conv1", "conv2", "conv_shortcut")
"""Every convolution of the UNet's residual blocks, including the blocks that change the resolution."""
IMAGE = (
    "encoder_hid_proj.image_embeds",
    "add_embedding.image_proj",
    "add_k_proj",
    "add_v_proj",
    "class_embedding.linear_1",
    "class_embedding.linear_2",
)
"""The layers that the image embedding enters: its tokens, its part of the time embedding, and each attention's key and
value of the tokens; in Stable unCLIP the class embedding. A UNet has some of them."""
TARGETS: dict[Targets, tuple[str, ...]] = {
    "attention": ATTENTION,
    "attention-and-convolutions": (*ATTENTION, *CONVOLUTIONS),
    "image": IMAGE,
}
EVERY_TARGET = tuple(dict.fromkeys((*ATTENTION, *CONVOLUTIONS, *IMAGE)))
"""The ends of all module names that a LoRA may change."""


@dataclass(frozen=True)
class LoraShape:
    """A LoRA before it is trained."""

    rank: int
    lora_alpha: float | None = None
    """None is the rank."""
    lora_dropout: float = 0.0
    use_dora: bool = False
    use_rslora: bool = False
    targets: Targets = "attention"

    @property
    def alpha(self) -> float:
        """The numerator of the scale."""
        return float(self.rank if self.lora_alpha is None else self.lora_alpha)


def lora_shape(config: FinetuneConfig) -> LoraShape:
    """Return the shape of the LoRA that these settings train."""
    return LoraShape(
        config.rank, config.lora_alpha, config.lora_dropout, config.use_dora, config.use_rslora, config.targets
    )


def lora_scale(rank: int, alpha: float | None, rank_stabilised: bool) -> float:
    """Return the factor of an update: alpha / rank, or alpha / sqrt(rank) for rsLoRA (Kalajdzievski, 2023).

    An alpha of None is the rank.
    """
    return (rank if alpha is None else alpha) / (math.sqrt(rank) if rank_stabilised else rank)


def is_target(module: str, targets: Iterable[str] = EVERY_TARGET) -> bool:
    """Return whether a LoRA with these targets changes the module of this name."""
    return any(is_named(module, target) for target in targets)


def targets_of(modules: Collection[str]) -> str:
    """Return the targets of a LoRA that changes these modules: the first of TARGETS that has them, else "any"."""
    fit = (name for name, ends in TARGETS.items() if all(is_target(module, ends) for module in modules))
    return next(fit, "any")


def is_named(module: str, target: str) -> bool:
    """Return whether a target of peft names a module: by its whole name, or by the end of it."""
    return module == target or module.endswith(f".{target}")
