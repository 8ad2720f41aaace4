"""A copy is nearer to a photograph than photographs are to each other."""

import pytest
import torch

from lambda_studio.evaluation.copying import copies

X, Y = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
BETWEEN = torch.tensor([0.6, 0.8])


def test_the_share_of_copies_and_the_nearest_photograph() -> None:
    found = copies(torch.stack([X, BETWEEN]), torch.stack([X, -Y]))
    assert found.nearest == pytest.approx((1.0 + 0.6) / 2)
    assert found.rate == 1.0, "the photographs have nothing in common"
    near = copies(torch.stack([X, torch.tensor([0.0, -1.0])]), torch.stack([X, BETWEEN]))
    assert near.rate == 0.5
    assert near.nearest == pytest.approx((1.0 + 0.0) / 2)


def test_one_photograph_has_no_rate() -> None:
    assert copies(X[None], X[None]).rate is None
    assert copies(X[None], X[None]).nearest == 1.0
