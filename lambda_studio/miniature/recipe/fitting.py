"""The loop that every stage of the recipe runs in: stateless randomness, checkpoints, resuming, a log."""

import copy
import json
import math
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from lambda_studio.errors import TrainingDiverged
from lambda_studio.progress import Progress, silent
from lambda_studio.training.checkpoint import latest_checkpoint, save_checkpoint
from lambda_studio.training.curve import draw_curves

LossOf = Callable[[int], Mapping[str, Tensor]]
"""From a step's number to its losses; `loss` is what is minimised, the others are logged."""

LOG_EVERY = 20
"""Every so many steps a stage's losses are logged, so that the plot has evenly spaced steps."""


@dataclass(frozen=True, kw_only=True)
class FitConfig:
    """How one stage is trained."""

    steps: int
    batch_size: int
    learning_rate: float
    warmup_steps: int = 100
    weight_decay: float = 0.01
    ema_decay: float = 0.0
    """0 keeps no moving average; otherwise what is kept at the end is the average."""
    checkpoint_every: int = 250

    def rate(self, step: int) -> float:
        """Warm-up, then a cosine to a hundredth."""
        warm = min(1.0, (step + 1) / self.warmup_steps)
        return self.learning_rate * warm * (0.505 + 0.495 * math.cos(math.pi * min(1.0, step / self.steps)))


def fit(
    name: str,
    model: nn.Module,
    loss_of: LossOf,
    config: FitConfig,
    folder: Path,
    device: str = "cpu",
    progress: Progress = silent,
) -> None:
    """Train `model` in place. Stopped and called again, it goes on from its last checkpoint.

    Raises TrainingDiverged where the loss is not a number.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        parameters, lr=config.learning_rate, betas=(0.9, 0.98), weight_decay=config.weight_decay, fused=True
    )
    average = copy.deepcopy(model).requires_grad_(False) if config.ema_decay else None
    start = _resume(folder / name, model, optimizer, average)
    began = time.monotonic()
    with progress(name, config.steps) as advance, open(folder / f"{name}.jsonl", "a", encoding="utf-8") as log:
        advance(start)
        for step in range(start, config.steps):
            for group in optimizer.param_groups:
                group["lr"] = config.rate(step)
            with torch.autocast(device, torch.bfloat16), _attention(device):
                losses = loss_of(step)
            _refuse_divergence(name, step + 1, float(losses["loss"].detach()))
            losses["loss"].backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            if average is not None:
                _update_average(average, model, min(config.ema_decay, (step + 1) / (step + 10)))
            if (step + 1) % LOG_EVERY == 0:
                _log(log, step + 1, losses, (time.monotonic() - began) / (step + 1 - start))
            if (step + 1) % config.checkpoint_every == 0 or step + 1 == config.steps:
                state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
                if average is not None:
                    state["average"] = average.state_dict()
                save_checkpoint(folder / name, step + 1, state, {"name": name})
                draw_log(folder / f"{name}.jsonl")
            advance(1)
    if average is not None:
        model.load_state_dict(average.state_dict())


def _attention(device: str) -> AbstractContextManager[None]:
    """On a CPU the plain formula: over a few dozen tokens the fused kernels' backward takes four times as long."""
    return sdpa_kernel(SDPBackend.MATH) if device == "cpu" else nullcontext()


def _resume(folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer, average: nn.Module | None) -> int:
    checkpoint = latest_checkpoint(folder)
    if checkpoint is None:
        return 0
    state = checkpoint.load()
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    if average is not None:
        average.load_state_dict(state["average"])
    return checkpoint.step


def draw_log(log: Path) -> None:
    """A PNG beside the log of a stage, with a panel for everything that it measured; nothing where it is empty."""
    rows = {row["step"]: row for row in map(json.loads, log.read_text(encoding="utf-8").splitlines())}
    if not rows:
        return
    # what a killed run wrote after its last checkpoint was written again: the later row counts
    ordered = [rows[step] for step in sorted(rows)]
    names = [name for name in ordered[-1] if name not in ("step", "seconds_per_step")]
    curves = {f"{log.stem}: {name}": [row[name] for row in ordered if name in row] for name in names}
    draw_curves(curves, log.with_suffix(".png"), label="value", every=LOG_EVERY)


def _update_average(average: nn.Module, model: nn.Module, decay: float) -> None:
    with torch.no_grad():
        torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), 1 - decay)


def _refuse_divergence(name: str, step: int, loss: float) -> None:
    if not math.isfinite(loss):
        raise TrainingDiverged(f"The loss of {name} at step {step} is {loss}.", "Lower its learning rate.")


def _log(log: TextIO, step: int, losses: Mapping[str, Tensor], seconds: float) -> None:
    values = {key: round(float(value.detach()), 5) for key, value in losses.items()}
    log.write(json.dumps({"step": step, **values, "seconds_per_step": round(seconds, 4)}) + "\n")
    log.flush()
