"""Signed distances, and the layer that they are painted on."""

import pytest
import torch

from lambda_studio.miniature.world.shapes import Pen, hash_noise, mix, wave

SIDE = 81
RED, BLUE = (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)


@pytest.fixture
def pen() -> Pen:
    """Two figures' grids over -2..2, with a point at every twentieth."""
    axis = torch.linspace(-2, 2, SIDE)
    y, x = torch.meshgrid(axis.flip(0), axis, indexing="ij")
    return Pen(x.expand(2, -1, -1), y.expand(2, -1, -1), torch.full((2,), 4 / (SIDE - 1)))


def at(field: torch.Tensor, x: float, y: float) -> list[float]:
    """What both figures have at a point."""
    return field[:, round((2 - y) * 20), round((x + 2) * 20)].tolist()


def test_distances_are_negative_inside_and_measured_from_the_edge(pen: Pen) -> None:
    circle = pen.circle(torch.tensor([0.0, 1.0]), 0.0, 0.5)
    assert at(circle, 0.0, 0.0) == pytest.approx([-0.5, 0.5])
    assert at(circle, 1.0, 1.0) == pytest.approx([2**0.5 - 0.5, 0.5])
    assert at(pen.ring(0.0, 0.0, 1.0, 0.2), 1.5, 0.0) == pytest.approx([0.3] * 2)
    assert at(pen.line((-1.0, 0.0), (1.0, 0.0), 0.25), 1.5, 0.0) == pytest.approx([0.25] * 2, abs=1e-5)
    assert at(pen.line((-1.0, 0.0), (1.0, 0.0), 0.25), 0.3, -0.1) == pytest.approx([-0.15] * 2, abs=1e-5)
    box = pen.box(0.0, 0.0, 1.0, 0.5)
    assert at(box, 0.0, 1.0) == pytest.approx([0.5] * 2) and at(box, 0.0, 0.0) == pytest.approx([-0.5] * 2)


def test_an_ellipse_and_a_polygon_have_their_edges_where_they_should(pen: Pen) -> None:
    ellipse = pen.ellipse(0.0, 0.0, 1.0, 0.5)
    assert at(ellipse, 1.0, 0.0) == pytest.approx([0.0] * 2, abs=1e-5)
    assert at(ellipse, 0.0, 0.5) == pytest.approx([0.0] * 2, abs=1e-5)
    assert max(at(ellipse, 0.9, 0.0)) < 0 < min(at(ellipse, 0.0, 0.6))
    triangle = pen.polygon((-1.0, 0.0), (1.0, 0.0), (0.0, 1.0))
    assert at(triangle, 0.0, -0.5) == pytest.approx([0.5] * 2) and max(at(triangle, 0.0, 0.3)) < 0
    assert at(triangle, 1.0, 1.0) == pytest.approx([0.5**0.5] * 2)


def test_what_is_painted_later_covers_and_edges_are_darker(pen: Pen) -> None:
    pen.fill(pen.circle(0.0, 0.0, 1.0), RED, outline=0.2)
    pen.fill(pen.circle(0.0, 0.0, 0.3), torch.tensor([BLUE, RED]), outline=0.0)
    middle, body, edge = (pen.rgb[:, :, 40, round((x + 2) * 20)].tolist() for x in (0.0, 0.7, 1.1))
    assert middle == [list(BLUE), list(RED)]
    assert body == [list(RED)] * 2
    assert edge == [pytest.approx([0.4, 0.0, 0.0])] * 2
    assert at(pen.alpha, 1.1, 0.0) == [1.0] * 2 and at(pen.alpha, 1.5, 0.0) == [0.0] * 2
    assert (pen.rgb <= pen.alpha[:, None]).all(), "colours are premultiplied"


def test_mix_noise_and_wave_stay_in_their_ranges(pen: Pen) -> None:
    weight = torch.tensor([0.0, 1.0])[:, None, None].expand_as(pen.x)
    first, second = torch.tensor([RED, RED]), torch.tensor([BLUE, BLUE])
    assert mix(first, second, weight)[:, :, 0, 0].tolist() == [list(RED), list(BLUE)]
    noise = hash_noise((pen.x * 20).round(), (pen.y * 20).round(), 0.5)
    assert noise.min() >= 0 and noise.max() < 1 and noise.std() > 0.2
    assert at(wave(pen.x, 2.0), 0.5, 0.0) == pytest.approx([1.0] * 2)
    assert at(wave(pen.x, 2.0), -0.5, 0.0) == pytest.approx([-1.0] * 2)
