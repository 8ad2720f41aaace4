"""Measure λ-Studio's own training loop on any objective, without its files: no log and no checkpoints."""

from collections.abc import Iterator
from contextlib import contextmanager

from lambda_studio.training.devices import LossReader, randomness_kept, start_accelerator
from lambda_studio.training.objectives.objectives import Objective
from lambda_studio.training.optimisation.optimiser import Optimiser, TrainConfig

from .graphed import Graphed
from .meter import Bench, Measurement, Phases, Step, measure


def measure_training(
    bench: Bench, objective: Objective, config: TrainConfig, batch_size: int, graphed: bool = False
) -> Measurement:
    """Measure optimiser steps of the training loop. A repeat is four steps, because the loop does not wait."""
    phases = Phases(bench.device)
    with loop(bench, objective, config, phases, graphed) as step:
        measured = measure(bench, step, batch_size, each=bench.size(4), phases=phases)
        measured.notes["loss"] = round(step()["loss"], 4)
    return measured


@contextmanager
def loop(
    bench: Bench, objective: Objective, config: TrainConfig, phases: Phases, graphed: bool = False
) -> Iterator[Step]:
    """Lend the loop's next step, which returns the losses that are due. The model may run by CUDA graphs."""
    accelerator = start_accelerator(bench.device, config.mixed_precision, config.gradient_accumulation_steps)
    with randomness_kept(accelerator.device), objective.trainable(accelerator.device) as parameters:
        optimiser = Optimiser(accelerator, objective, parameters, config)
        if graphed:
            optimiser.model = Graphed(optimiser.model)
        _watch(optimiser, phases)
        reader, number = LossReader(accelerator.device), 0

        def step() -> dict[str, float]:
            nonlocal number
            number += 1
            due = reader.push(optimiser.step(number))
            return due[-1] if due else {"loss": float("nan")}

        yield step


def _watch(optimiser: Optimiser, phases: Phases) -> None:
    """Time the parts of a step where the optimiser calls them."""
    watched = [
        (optimiser.objective, "losses", "batch and forward"),
        (optimiser.accelerator, "backward", "backward"),
        (optimiser.accelerator, "clip_grad_norm_", "clip gradients"),
        (optimiser.optimizer, "step", "AdamW"),
    ]
    for owner, name, phase in watched:
        setattr(owner, name, phases.around(phase, getattr(owner, name)))
