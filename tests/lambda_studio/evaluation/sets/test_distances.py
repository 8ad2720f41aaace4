"""The distances of sets of features, by hand and as torch-fidelity computes them."""

import math

import pytest
import torch

from lambda_studio.errors import InvalidSetting
from lambda_studio.evaluation.sets.distances import cmmd, frechet, kid, kid_of_subsets


def features(seed: int, count: int = 40, dim: int = 6) -> torch.Tensor:
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(seed))


def test_frechet_by_hand_in_one_dimension() -> None:
    # means 1 and 5, variances (n - 1) 2 and 8: (1 - 5)² + 2 + 8 - 2 √(2 · 8) = 18
    drawn, real = torch.tensor([[0.0], [2.0]]), torch.tensor([[3.0], [7.0]])
    assert frechet(drawn, real) == pytest.approx(18)


def test_frechet_by_hand_with_correlated_features() -> None:
    # both have the mean 0; the covariances are diag(2, 0) and all 1: the product has the eigenvalues 2 and 0
    drawn, real = torch.tensor([[1.0, 0.0], [-1.0, 0.0]]), torch.tensor([[1.0, 1.0], [-1.0, -1.0]]) / math.sqrt(2)
    assert frechet(drawn, real) == pytest.approx(2 + 2 - 2 * math.sqrt(2))


def test_a_set_has_no_distance_from_itself() -> None:
    same = features(1)
    assert frechet(same, same.flip(0)) == pytest.approx(0, abs=1e-9)
    assert cmmd(same, same.flip(0)) == pytest.approx(0, abs=1e-9)
    assert frechet(same, features(2) + 3) > 10


def test_the_fid_of_torch_fidelity() -> None:
    fidelity = pytest.importorskip("torch_fidelity.metric_fid", reason="torch-fidelity is not installed")
    one, other = features(1).double(), (features(2) * 2 + 1).double()
    statistics = [fidelity.fid_features_to_statistics(each) for each in (one, other)]
    theirs = fidelity.fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
    assert frechet(one.float(), other.float()) == pytest.approx(theirs, rel=1e-5)


def test_kid_by_hand() -> None:
    # one dimension: k(x, y) = (xy + 1)³, over pairs 0·1 -> 1 and 2·3 -> 343; across: 1, 1, 27, 64
    drawn, real = torch.tensor([[0.0], [1.0]]), torch.tensor([[2.0], [3.0]])
    assert kid(drawn, real) == pytest.approx(1 + 343 - 2 * (1 + 1 + 27 + 64) / 4)


def test_the_kid_of_torch_fidelity() -> None:
    fidelity = pytest.importorskip("torch_fidelity.metric_kid", reason="torch-fidelity is not installed")
    one, other = features(1).double(), features(2).double() + 0.5
    settings = {"kid_kernel": "poly", "kid_kernel_poly_degree": 3, "kid_kernel_poly_gamma": None}
    theirs = fidelity.kernel_mmd(one.numpy(), other.numpy(), **settings, kid_kernel_poly_coef0=1.0)
    assert kid(one.float(), other.float()) == pytest.approx(theirs, rel=1e-5)


def test_kid_is_over_subsets_of_the_smaller_sets_size() -> None:
    found = kid_of_subsets(features(1, 60), features(2, 20), subsets=7)
    assert found.shape == (7,)
    assert found.std() > 0
    assert torch.equal(found, kid_of_subsets(features(1, 60), features(2, 20), subsets=7))


def test_cmmd_by_hand() -> None:
    # squared distance 1 of the only pair: 1000 (1 + 1 - 2 exp(-1 / 200))
    drawn, real = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 0.0]])
    assert cmmd(drawn, real) == pytest.approx(2000 * (1 - math.exp(-1 / 200)))
    # two drawn: their own mean has two pairs with themselves and two with each other, at a squared distance of 4
    two = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    own = (2 + 2 * math.exp(-4 / 200)) / 4
    assert cmmd(two, real) == pytest.approx(1000 * (own + 1 - 2 * math.exp(-1 / 200)))


@pytest.mark.parametrize("measure", [frechet, kid])
def test_a_single_picture_is_no_set(measure) -> None:
    with pytest.raises(InvalidSetting, match="There are 1 drawn and 40 real pictures"):
        measure(features(1, 1), features(2))
