"""Figures, and what they wear."""

import pytest
import torch

from lambda_studio.miniature.world.figures import FIGURES, PATTERNS, WORN, Skin
from lambda_studio.miniature.world.identities import PARTS
from lambda_studio.miniature.world.shapes import Pen


def test_a_pattern_leaves_most_of_the_body_in_the_main_colour():
    """Else nobody could say which of two colours is the main one."""
    side = torch.linspace(-0.95, 0.95, 200)
    y, x = torch.meshgrid(side, side, indexing="ij")
    scale = torch.linspace(-1, 1, 9)
    for number, pattern in enumerate(PATTERNS):
        pen = Pen(x.expand(9, -1, -1), y.expand(9, -1, -1), torch.full((9,), 0.01))
        red, blue = torch.tensor([1.0, 0.0, 0.0]).expand(9, 3), torch.tensor([0.0, 0.0, 1.0]).expand(9, 3)
        kinds = torch.full((9,), number)
        skin = Skin(
            main=red,
            second=blue,
            pattern=kinds,
            scale=scale,
            proportions=torch.zeros(9, 4),
            **dict.fromkeys(PARTS, blue),
        )
        body = skin.body(pen)
        second = (body[:, 2] > body[:, 0]).float().mean((1, 2))
        assert second.max() < 0.46, pattern
        assert second.min() > (0.1 if number else -1), pattern


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_shows_its_colours_and_everything_can_be_worn_by_it(name):
    axis = torch.linspace(-1.6, 1.6, 64)
    y, x = torch.meshgrid(axis.flip(0), axis, indexing="ij")
    red, blue = torch.tensor([[1.0, 0.0, 0.0]] * 2), torch.tensor([[0.0, 0.0, 1.0]] * 2)
    plain = torch.zeros(2, dtype=torch.int64)
    for number, worn in enumerate(WORN):
        pen = Pen(x.expand(2, -1, -1), y.expand(2, -1, -1), torch.full((2,), 0.05))
        skin = Skin(
            main=red, second=blue, pattern=plain, scale=torch.zeros(2), proportions=torch.zeros(2, 4),
            **dict.fromkeys(PARTS, blue),
        )  # fmt: skip
        anchors = FIGURES[name](pen, skin)
        naked, alpha = pen.rgb.clone(), pen.alpha.clone()
        assert 0.1 < alpha.mean() < 0.8 and alpha[:, 0, 0].max() == 0, "inside its picture"
        assert (naked[:, 0] > naked[:, 2] + 0.3).float().mean() > 0.05, "its main colour is seen"
        WORN[worn](pen, anchors, torch.tensor([[0.0, 1.0, 0.0]] * 2))
        green = (pen.rgb[:, 1] > pen.rgb[:, 0] + 0.3) & (pen.rgb[:, 1] > pen.rgb[:, 2] + 0.3)
        assert green.float().mean((1, 2)).min() > 0.002, f"{number}: {worn} cannot be seen"
