"""Optimiser steps: the scheduled rate, clipping, and what a checkpoint of them holds."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor, nn

from lambda_studio.errors import ResumeRefused
from lambda_studio.training.devices import start_accelerator
from lambda_studio.training.objectives.objectives import whole_model
from lambda_studio.training.optimisation.optimiser import Optimiser, TrainConfig
from lambda_studio.training.randomness import MicroStep


class Distance:
    """The squared distance of a network's output to its input."""

    def __init__(self, model: nn.Module):
        self.model = model

    def describe(self, processes: int) -> dict[str, str]:
        return {}

    def trainable(self, device: torch.device) -> object:
        return whole_model(self.model, device)

    def losses(self, model: nn.Module, at: MicroStep) -> Mapping[str, Tensor]:
        x = torch.randn(4, 2, generator=torch.Generator().manual_seed(at.number))
        return {"loss": (model(x) - x).pow(2).mean(), "number": torch.tensor(at.number)}


@contextmanager
def optimising(model: nn.Module, **settings: object) -> Iterator[Optimiser]:
    config = TrainConfig(**{"steps": 4, "learning_rate": 0.1, **settings})
    accelerator = start_accelerator(torch.device("cpu"), "no", config.gradient_accumulation_steps)
    with whole_model(model, torch.device("cpu")) as parameters:
        yield Optimiser(accelerator, Distance(model), parameters, config)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))


def test_a_step_takes_its_own_rate() -> None:
    model = network()
    before = model[0].weight.detach().clone()
    with optimising(model, schedule=lambda step: float(step == 2), weight_decay=0.0) as optimiser:
        optimiser.step(1)
        assert torch.equal(model[0].weight, before)
        optimiser.step(2)
        assert optimiser.optimizer.param_groups[0]["lr"] == 0.1
    assert (model[0].weight.detach() - before).abs().max() == pytest.approx(0.1, rel=0.4)


def test_the_losses_of_a_step_are_the_means_of_its_micro_steps() -> None:
    with optimising(network(), gradient_accumulation_steps=3) as optimiser:
        assert float(optimiser.step(2)["number"]) == 4


def test_a_state_has_the_statistics_and_the_average_and_goes_on_from_them() -> None:
    one, other = network(), network()
    with optimising(one, ema_decay=0.9) as first:
        first.step(1)
        state = {name: _copy(value) for name, value in first.state().items()}
        assert list(state) == ["parameters", "optimizer", "scaler", "buffers", "average"]
        first.step(2)
        expected = first.state()
    with optimising(other, ema_decay=0.9) as second:
        second.load_state(state)
        second.step(2)
        for part in ("parameters", "buffers", "average"):
            for name, value in second.state()[part].items():
                assert torch.equal(value, expected[part][name]), (part, name)
    with optimising(nn.Linear(2, 2)) as plain:
        assert list(plain.state()) == ["parameters", "optimizer", "scaler"], "as version 0.1 wrote it"
        with pytest.raises(ResumeRefused, match="The checkpoint's weights do not fit"):
            plain.load_state(state)


def _copy(value: object) -> object:
    if isinstance(value, Tensor):
        return value.clone()
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value
