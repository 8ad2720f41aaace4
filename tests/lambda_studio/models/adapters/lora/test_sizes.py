"""The size of an update beside the weights that it changes."""

import math

import torch

from lambda_studio.models.adapters.lora.sizes import UpdateSize, squared_norm, update_size


def test_a_size_is_the_norm_over_all_weights() -> None:
    pairs = [(torch.full((2, 2), 3.0), torch.full((2, 2), 0.3)), (torch.full((5,), 4.0), torch.zeros(5))]
    size = update_size(iter(pairs))
    assert math.isclose(size.update, math.sqrt(4 * 0.09), rel_tol=1e-6)
    assert math.isclose(size.weights, math.sqrt(4 * 9 + 5 * 16), rel_tol=1e-6)
    assert math.isclose(size.relative, size.update / size.weights)


def test_nothing_is_zero_and_a_change_of_zeros_is_whole() -> None:
    assert update_size([]).relative == 0.0
    assert update_size([(torch.zeros(3), torch.zeros(3))]).relative == 0.0
    assert UpdateSize(1.0, 0.0).relative == 1.0


def test_half_precision_is_summed_without_an_overflow() -> None:
    assert math.isclose(squared_norm(torch.full((1000,), 60000.0).half()), 1000 * 60000.0**2, rel_tol=1e-3)
