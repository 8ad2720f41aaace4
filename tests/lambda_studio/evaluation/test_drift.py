"""Drift is the distance of pictures of the same prompt and seed."""

import pytest
import torch

from lambda_studio.evaluation.drift import drift

X, Y = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
BETWEEN = torch.tensor([0.6, 0.8])


def test_rows_are_compared_with_their_own_prompt() -> None:
    base, others = torch.stack([X, Y]), torch.stack([Y, X])
    found = drift(base, others, torch.stack([BETWEEN, Y]))
    assert found.adapter == pytest.approx((0.4 + 0.0) / 2)
    assert found.seeds == pytest.approx(1.0)


def test_an_adapter_that_changes_nothing_does_not_drift() -> None:
    assert drift(torch.stack([X, Y]), torch.stack([Y, X]), torch.stack([X, Y])).adapter == 0.0
