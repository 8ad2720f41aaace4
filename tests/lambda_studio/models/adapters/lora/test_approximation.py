"""The nearest update of low rank, against the singular value decomposition."""

import pytest
import torch

from lambda_studio.models.adapters.lora.approximation import best_low_rank


def change(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("shape", [(6, 9), (9, 6), (7, 7), (6, 4, 3, 3), (30, 2, 3, 3), (5, 8, 1, 1)])
@pytest.mark.parametrize("rank", [1, 3])
def test_it_is_the_truncated_decomposition(shape: tuple[int, ...], rank: int) -> None:
    given = change(*shape)
    found = best_low_rank(given, rank)
    assert found.fits(shape, rank)
    u, s, vh = torch.linalg.svd(given.flatten(1).double(), full_matrices=False)
    best = (u[:, :rank] * s[:rank]) @ vh[:rank]
    torch.testing.assert_close(found.product(given, 1.0), best.float().view(shape), rtol=0, atol=1e-5)
    up, down = found.up.flatten(1), found.down.flatten(1)
    torch.testing.assert_close(up.norm(dim=0), down.norm(dim=1), rtol=1e-4, atol=1e-5, msg="both sides have one size")


@pytest.mark.parametrize("shape", [(6, 9), (9, 6), (6, 2, 3, 3)])
def test_a_rank_above_the_weights_own_gives_the_change_itself(shape: tuple[int, ...]) -> None:
    given = change(*shape)
    found = best_low_rank(given, 12)
    assert found.fits(shape, 12)
    torch.testing.assert_close(found.product(given, 1.0), given, rtol=0, atol=1e-5)


def test_a_change_of_a_low_rank_has_no_noise_in_the_other_directions() -> None:
    given = torch.outer(torch.arange(1.0, 7.0), torch.ones(9))
    found = best_low_rank(given, 4)
    torch.testing.assert_close(found.product(given, 1.0), given)
    assert not found.up[:, 1:].any() and not found.down[1:].any()
    nothing = best_low_rank(torch.zeros(3, 4), 2)
    assert not nothing.up.any() and not nothing.down.any()
