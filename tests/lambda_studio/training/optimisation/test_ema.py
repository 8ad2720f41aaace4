"""The moving average of the weights."""

import pytest
import torch
from torch import nn

from lambda_studio.training.optimisation.ema import MovingAverage


def _average(decay: float, *values: float) -> tuple[MovingAverage, nn.Parameter]:
    """An average of one weight, which took these values after steps 1, 2, …"""
    weight = nn.Parameter(torch.zeros(3))
    average = MovingAverage({"weight": weight}, decay)
    for step, value in enumerate(values, 1):
        with torch.no_grad():
            weight.fill_(value)
        average.update(step)
    return average, weight


def test_an_average_follows_the_formula_and_early_steps_decay_faster() -> None:
    average, _ = _average(0.5, *([1.0] * 4), *([3.0] * 8))
    expected = 0.0
    for step, value in enumerate([1.0] * 4 + [3.0] * 8, 1):
        decay = min(0.5, step / (step + 9))
        expected = decay * expected + (1 - decay) * value
    assert average.weights["weight"].tolist() == pytest.approx([expected] * 3)


def test_an_average_of_a_constant_is_that_constant() -> None:
    weight = nn.Parameter(torch.tensor([0.3, -7.0]))
    average = MovingAverage({"weight": weight}, 0.999)
    for step in range(1, 50):
        average.update(step)
    torch.testing.assert_close(average.weights["weight"], weight.detach())


def test_the_average_is_lent_and_the_weights_come_back_bit_for_bit_also_after_an_error() -> None:
    average, weight = _average(0.9, 1.0, 0.1)
    before, mean = weight.detach().clone(), average.weights["weight"].clone()
    assert not torch.equal(before, mean)
    with pytest.raises(RuntimeError), average.in_use():
        assert torch.equal(weight.detach(), mean)
        raise RuntimeError
    assert torch.equal(weight.detach(), before)
    average.copy_to_parameters()
    assert torch.equal(weight.detach(), mean)


def test_a_saved_average_goes_on() -> None:
    whole, _ = _average(0.9, 1.0, 2.0, 3.0)
    first, _ = _average(0.9, 1.0, 2.0)
    saved = {name: value.clone() for name, value in first.weights.items()}
    resumed, weight = _average(0.9)
    resumed.load(saved)
    with torch.no_grad():
        weight.fill_(3.0)
    resumed.update(3)
    assert torch.equal(resumed.weights["weight"], whole.weights["weight"])
