"""Optimisers by their names: AdamW, AdamW with states in 8 bits, and classes of installed packages."""

import inspect
import sys
from collections.abc import Iterable
from contextlib import redirect_stdout
from dataclasses import dataclass

import torch
from torch import nn

from lambda_studio.config import require
from lambda_studio.errors import InvalidSetting
from lambda_studio.training.optimisation.installed import installed_class

ADAMW, ADAMW_8BIT = "adamw", "adamw-8bit"


@dataclass(frozen=True, kw_only=True)
class Rates:
    """The numbers that an optimiser is made with."""

    learning_rate: float
    weight_decay: float = 1e-2
    betas: tuple[float, float] = (0.9, 0.999)


def make_optimiser(name: str, parameters: Iterable[nn.Parameter], rates: Rates) -> torch.optim.Optimizer:
    """Return the optimiser of this name: `adamw`, `adamw-8bit` or MODULE:CLASS.

    A class of another package keeps its own betas, and gets the weight decay if its arguments have one.

    Raises InvalidSetting if the package is missing, or the class cannot be made.
    """
    if name == ADAMW:
        return _adamw(list(parameters), rates)
    if name == ADAMW_8BIT:
        return _adamw_8bit(list(parameters), rates)
    with redirect_stdout(sys.stderr):  # stdout is for a command's answer
        return _packaged(name, list(parameters), rates)


def _packaged(name: str, parameters: list[nn.Parameter], rates: Rates) -> torch.optim.Optimizer:
    kind = installed_class(name)
    if not issubclass(kind, torch.optim.Optimizer):
        raise unusable(name, "it is no torch.optim.Optimizer")
    settings = {"lr": rates.learning_rate, "weight_decay": rates.weight_decay}
    known = inspect.signature(kind).parameters
    require(
        "weight_decay" in known or rates.weight_decay == Rates.weight_decay,
        f"weight_decay is {rates.weight_decay}, and {name} has none.",
        "Leave weight_decay out.",
        "weight_decay",
    )
    try:
        made: torch.optim.Optimizer = kind(
            parameters, **{key: value for key, value in settings.items() if key in known}
        )
    except Exception as error:  # another package's code: it may raise anything
        raise unusable(name, error) from error
    return made


def unusable(name: str, why: object) -> InvalidSetting:
    """Return the error for an optimiser that training cannot use."""
    said = str(why).partition("\n")[0][:300].rstrip(".")
    cause = f"optimizer is {name}, which training cannot use: {said}."
    return InvalidSetting(cause, f"Give another one: {ADAMW}, {ADAMW_8BIT} or MODULE:CLASS.", "optimizer")


def _adamw(parameters: list[nn.Parameter], rates: Rates) -> torch.optim.AdamW:
    """Return AdamW, fused if the device supports it."""
    rate, betas, decay = rates.learning_rate, rates.betas, rates.weight_decay
    try:
        return torch.optim.AdamW(parameters, lr=rate, betas=betas, weight_decay=decay, fused=True)
    except RuntimeError:
        return torch.optim.AdamW(parameters, lr=rate, betas=betas, weight_decay=decay)


def _adamw_8bit(parameters: list[nn.Parameter], rates: Rates) -> torch.optim.Optimizer:
    try:
        from bitsandbytes.optim import AdamW8bit
    except ImportError as error:
        cause = f"optimizer is {ADAMW_8BIT}, which needs the package bitsandbytes, and it cannot be imported ({error})."
        raise InvalidSetting(cause, "pip install bitsandbytes", "optimizer") from error
    rate, betas, decay = rates.learning_rate, rates.betas, rates.weight_decay
    made: torch.optim.Optimizer = AdamW8bit(parameters, lr=rate, betas=betas, weight_decay=decay)
    return made
