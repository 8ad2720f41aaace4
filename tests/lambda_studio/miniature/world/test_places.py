"""Backgrounds: each place looks like itself, whatever its numbers."""

import pytest
import torch

from lambda_studio.miniature.world.places import PARAMETERS, PLACES
from lambda_studio.miniature.world.seeding import seeded

COUNT, SIDE = 12, 32


def painted(name: str, numbers: torch.Tensor) -> torch.Tensor:
    axis = (torch.arange(SIDE) + 0.5) / SIDE * 2 - 1
    y, x = torch.meshgrid(axis.flip(0), axis, indexing="ij")
    return PLACES[name](x.expand(len(numbers), -1, -1), y.expand(len(numbers), -1, -1), numbers)


def numbers() -> torch.Tensor:
    return torch.rand(COUNT, PARAMETERS, generator=seeded(1, "places"))


@pytest.mark.parametrize("name", PLACES)
def test_a_place_is_painted_from_its_numbers_alone(name: str) -> None:
    pictures = painted(name, numbers())
    assert pictures.shape == (COUNT, 3, SIDE, SIDE) and pictures.isfinite().all()
    assert pictures.min() > -0.1 and pictures.max() < 1.15, "rendering clamps no more than highlights"
    assert torch.equal(painted(name, numbers()), pictures)
    assert torch.allclose(painted(name, numbers()[3:5]), pictures[3:5], atol=1e-6), "rows do not mix"
    differences = (pictures[:, None] - pictures[None]).abs().mean((2, 3, 4))
    assert differences[~torch.eye(COUNT, dtype=torch.bool)].min() > 1e-3, "other numbers, another picture"


def test_places_are_told_apart_by_their_colours() -> None:
    looks = torch.stack([torch.nn.functional.avg_pool2d(painted(name, numbers()), 8).flatten(1) for name in PLACES])
    means = looks.mean(1)
    nearest = torch.cdist(looks.flatten(0, 1), means).argmin(1).view(len(PLACES), COUNT)
    assert (nearest == torch.arange(len(PLACES))[:, None]).float().mean() > 0.9
