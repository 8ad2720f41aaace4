"""Sums of scaled updates as one update of a higher rank."""

import pytest
import torch

from lambda_studio.models.adapters.lora.sums import Summand, sum_of
from lambda_studio.models.adapters.lora.updates import LowRankUpdate

SHAPES = [(5, 7), (6, 4, 3, 3), (6, 4, 1, 1)]


def random(generator: torch.Generator, *shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=generator)


def lora(shape: tuple[int, ...], rank: int, seed: int, dora: bool = False) -> LowRankUpdate:
    generator, ones = torch.Generator().manual_seed(seed), (1,) * (len(shape) - 2)
    down, up = random(generator, rank, *shape[1:]), random(generator, shape[0], rank, *ones)
    length = random(generator, *((1, shape[0], *ones) if ones else (shape[0],))).abs() + 0.5
    return LowRankUpdate(down, up, length if dora else None)


def difference(weight: torch.Tensor, summand: Summand) -> torch.Tensor:
    if summand.update is None:
        return torch.zeros_like(weight)
    return summand.factor * (summand.update.added_to(weight, summand.scale) - weight)


@pytest.mark.parametrize("shape", SHAPES)
def test_loras_are_concatenated(shape: tuple[int, ...]) -> None:
    weight = random(torch.Generator().manual_seed(9), *shape)
    summands = [Summand(lora(shape, 2, 1), 2, 0.5, 1.0), Summand(lora(shape, 3, 2), 3, 1.0, -0.7)]
    found = sum_of(weight, [*summands, Summand(None, 4, 1.0, 0.3)], False)
    assert found.fits(shape, 9) and found.magnitude is None
    expected = weight + sum(difference(weight, each) for each in summands)
    torch.testing.assert_close(found.added_to(weight, 1.0), expected)
    assert torch.equal(found.down[:2], summands[0].update.down), "to the bit"


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("factors", [(1.0, 1.0, 1.0), (0.8, 0.5, 0.2), (0.3, -0.2, 2.0)])
def test_a_sum_with_dora_is_a_dora(shape: tuple[int, ...], factors: tuple[float, ...]) -> None:
    weight = random(torch.Generator().manual_seed(9), *shape)
    summands = [
        Summand(lora(shape, 2, 1, dora=True), 2, 0.5, factors[0]),
        Summand(lora(shape, 3, 2), 3, 2.0, factors[1]),
        Summand(lora(shape, 1, 3, dora=True), 1, 1.0, factors[2]),
        Summand(None, 4, 1.0, 1.0),
    ]
    found = sum_of(weight, summands, True)
    assert found.fits(shape, 10)
    expected = weight + sum(difference(weight, each) for each in summands)
    torch.testing.assert_close(found.added_to(weight, 1.0), expected, rtol=1e-4, atol=1e-4)


def test_a_layer_that_no_dora_changes_keeps_its_lengths() -> None:
    weight = random(torch.Generator().manual_seed(9), 5, 7)
    found = sum_of(weight, [Summand(lora((5, 7), 2, 1), 2, 1.0, 0.5)], True)
    torch.testing.assert_close(
        found.added_to(weight, 1.0), weight + 0.5 * lora((5, 7), 2, 1).product(weight, 1.0), rtol=1e-5, atol=1e-5
    )
