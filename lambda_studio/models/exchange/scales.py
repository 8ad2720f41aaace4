"""The factor of each module's update in a LoRA of peft or diffusers: alpha / rank, or alpha / sqrt(rank)."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lambda_studio.models.adapters.information import invalid

MODULE = re.compile(r"\^?[\w.]+")
"""A module's name, or the end of one. peft allows any expression here; libraries write names."""
UNSUPPORTED = {"fan_in_fan_out": False, "lora_bias": False, "bias": "none"}
"""Settings of peft with the one value that this module can express."""


@dataclass(frozen=True)
class Scales:
    """The scales of a LoRA's modules."""

    alpha: float | None = None
    """The alpha of modules that are not in `alphas`; None is a scale of 1."""
    alphas: dict[str, float] = field(default_factory=dict)
    """The alpha of modules, by their names or the ends of their names."""
    rank_stabilised: bool = False
    """Whether alpha is divided by the root of the rank (rsLoRA)."""
    has_magnitudes: bool = False
    """Whether each update must have a magnitude (DoRA)."""

    def of(self, module: str, rank: int) -> float:
        """Return the scale of a module's update of this rank."""
        alpha = next((self.alphas[name] for name in self.alphas if _names(name, module)), self.alpha)
        if alpha is None:
            return 1.0
        return alpha / (math.sqrt(rank) if self.rank_stabilised else rank)


def scales_of(config: Mapping[str, Any], file: Path) -> Scales:
    """Return the scales that a LoraConfig of peft states. Raises ModelFilesInvalid for other kinds of adapters."""
    kind = config.get("peft_type", "LORA")
    if kind != "LORA":
        raise invalid(file, f"it is {str(kind)[:40]!r}, not LoRA")
    for name, value in UNSUPPORTED.items():
        if config.get(name, value) not in (value, None):
            raise invalid(file, f"its {name} is {config[name]!r}, and only {value!r} is supported")
    alphas = config.get("alpha_pattern") or {}
    alpha = config.get("lora_alpha", 8)  # peft's default
    if not isinstance(alphas, dict) or not all(map(_is_number, [alpha, *alphas.values()])):
        raise invalid(file, "its alphas are not numbers")
    if unknown := [name for name in alphas if MODULE.fullmatch(name) is None]:
        raise invalid(file, f"its alpha_pattern has {unknown[0][:80]!r}, which is not the name of a module")
    named = {name: float(value) for name, value in alphas.items()}
    return Scales(float(alpha), named, config.get("use_rslora") is True, config.get("use_dora") is True)


def read_scales(metadata: Any, prefixes: Sequence[str], file: Path) -> Scales:
    """Return the scales that diffusers' metadata states: a LoraConfig whose keys may have a network's prefix."""
    if not isinstance(metadata, dict):
        raise invalid(file, "its metadata is not a table")
    return scales_of({_unprefixed(key, prefixes): value for key, value in metadata.items()}, file)


def _unprefixed(key: str, prefixes: Sequence[str]) -> str:
    return next((key.removeprefix(prefix) for prefix in prefixes if key.startswith(prefix)), key)


def _names(pattern: str, module: str) -> bool:
    """Return whether a pattern of peft names a module: its whole name after ^, otherwise the end of its name."""
    name = pattern.removeprefix("^")
    return module == name or (pattern == name and module.endswith(f".{name}"))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
