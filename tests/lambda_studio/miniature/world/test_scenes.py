"""Scenes of the miniature's world: as varied as the design asks for, and joined without loss."""

import torch

from lambda_studio.miniature.world.captions import PLACE_PHRASES
from lambda_studio.miniature.world.figures import FIGURES, WORN
from lambda_studio.miniature.world.identities import NOUNS, SLOTS
from lambda_studio.miniature.world.places import PLACES
from lambda_studio.miniature.world.rendering import render
from lambda_studio.miniature.world.scenes import concatenate
from tests.lambda_studio.miniature.judge.perfect import alone


def test_the_world_has_the_variety_that_the_design_asks_for():
    assert len(FIGURES) >= 10
    assert len(WORN) >= 5
    assert len(PLACES) >= 6
    assert any(" " in noun for noun in NOUNS), "no noun of two tokens"
    assert tuple(PLACE_PHRASES) == tuple(PLACES)


def test_scenes_are_put_one_after_the_other():
    first, second = alone(3, seed=10), alone(2, seed=11)
    whole = concatenate([first, second])
    assert len(whole) == 5 and whole.who.noun.shape == (5, SLOTS)
    assert torch.equal(render(whole[3:]).images, render(second).images)
