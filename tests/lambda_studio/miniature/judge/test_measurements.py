"""Each measurement, on a few pictures."""

import pytest
import torch

from lambda_studio.miniature.judge.measurements import MEASUREMENTS, Evaluation
from lambda_studio.miniature.judge.reader import load_reader
from lambda_studio.miniature.judge.report import (
    measure,
)
from lambda_studio.miniature.world.scenes import NOTHING, is_held_out, render
from lambda_studio.models.stacks.stack import Stack, resolve_stack

MINIATURE = resolve_stack("miniature")


@pytest.mark.slow
def test_every_measurement_runs():
    found = measure(MINIATURE, count=8, seeds=(1000,), num_inference_steps=2)
    assert set(found.figures) == set(MEASUREMENTS)
    assert all(
        -1 <= figure.mean <= 1 for each in found.figures.values() for name, figure in each.items() if name != "psnr"
    )


@pytest.fixture(scope="module")
def evaluation():
    return Evaluation(Stack(MINIATURE, device="cpu"), load_reader(), count=12, seed=3, steps=2)


def test_what_is_measured_was_never_seen_in_training_and_is_drawn_from_the_seed(evaluation):
    scene = evaluation.scenes("two", "beside", dressed=0.0)
    there = scene.who.noun != NOTHING
    assert is_held_out(scene.who)[there].all() and (there.sum(1) == 2).all()
    assert (scene.worn == NOTHING).all(), "undressed"
    assert (scene.who.noun[:, 0] != scene.who.noun[:, 1]).all(), "the oracle could not tell twins apart"
    assert torch.equal(render(scene).images, render(evaluation.scenes("two", "beside", dressed=0.0)).images)
    other = Evaluation(evaluation.stack, evaluation.reader, 12, 4).scenes("two", "beside", dressed=0.0)
    assert not torch.equal(other.who.noun, scene.who.noun)


def test_clip_finds_captions_far_more_often_than_by_chance_and_a_broken_one_does_not(evaluation, monkeypatch):
    found = evaluation.clip_retrieval(among=32)
    assert set(found) == {"caption_top1", "image_top1"} and min(found.values()) > 0.5
    encode = evaluation.clip.encode_pixels
    monkeypatch.setattr(evaluation.clip, "encode_pixels", lambda *args, **said: encode(*args, **said).roll(1, 0))
    assert max(evaluation.clip_retrieval(among=32).values()) < 0.1
