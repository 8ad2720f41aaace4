"""Each measurement, on a few pictures."""

import pytest
import torch
import torch.nn.functional as F

from lambda_studio.miniature.judge import measurements
from lambda_studio.miniature.judge.bench import bench_subjects
from lambda_studio.miniature.judge.measurements import MEASUREMENTS, Evaluation, _joined
from lambda_studio.miniature.judge.reader import load_reader
from lambda_studio.miniature.judge.report import (
    measure,
)
from lambda_studio.miniature.world.scenes import NOTHING, SEEN, identities, in_every_slot, is_held_out, render, scenes
from lambda_studio.miniature.world.seeding import seeded
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


def test_predictions_to_learn_from_are_like_their_own_subjects_pictures(evaluation):
    who = _joined([identities(1, seeded(11, noun), held_out=True, nouns=(noun,)) for noun in ("dog", "teapot")])
    predicted = evaluation._predictions(who, ("a <s>",), 8)
    assert {name: rows.shape for name, rows in predicted.items()} == {"0": (8, 256), "1": (8, 256)}
    alone = torch.zeros(2, dtype=torch.int64)
    shown = scenes(2, seeded(11, "shown"), who=in_every_slot(who), relation=alone, worn_share=0.0)
    pictures = evaluation.clip.encode_pixels(render(shown, SEEN).images)
    for own, other in ((0, 1), (1, 0)):
        near, far = (F.cosine_similarity(predicted[str(own)], pictures[row]).mean() for row in (own, other))
        assert near > far + 0.1
    assert not torch.equal(predicted["0"][0], predicted["0"][1]), "each from a noise of its own"


@pytest.mark.parametrize(("conditions", "each"), [("paper", 1), ("prior", 2), ("both", 3), ("scenes", 11)])
def test_fine_tuning_is_measured_with_the_stacks_conditions(evaluation, monkeypatch, conditions, each):
    seen, steps = [], []

    def trained(decoder, examples, config, folder) -> None:
        seen.extend(examples)
        steps.append(config.steps)

    monkeypatch.setitem(evaluation.stack.spec.finetune, "conditions", conditions)
    monkeypatch.setattr(measurements, "finetune_decoder", trained)
    found = evaluation.fine_tuned(7)
    assert len(seen) == each * measurements.REFERENCES * len(bench_subjects()) and steps == [7]
    assert found["identity_change"] == 0, "nothing was trained"


def test_clip_finds_captions_far_more_often_than_by_chance_and_a_broken_one_does_not(evaluation, monkeypatch):
    found = evaluation.clip_retrieval(among=32)
    assert set(found) == {"caption_top1", "image_top1"} and min(found.values()) > 0.5
    encode = evaluation.clip.encode_pixels
    monkeypatch.setattr(evaluation.clip, "encode_pixels", lambda *args, **said: encode(*args, **said).roll(1, 0))
    assert max(evaluation.clip_retrieval(among=32).values()) < 0.1
