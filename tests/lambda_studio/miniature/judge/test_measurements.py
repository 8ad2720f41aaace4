"""Each measurement, on a few pictures."""

import pytest
import torch
import torch.nn.functional as F

from lambda_studio.config import FinetuneConfig
from lambda_studio.miniature.judge import measurements
from lambda_studio.miniature.judge.bench import bench_subjects
from lambda_studio.miniature.judge.measurements import MEASUREMENTS, Evaluation, _joined
from lambda_studio.miniature.judge.reader import load_reader
from lambda_studio.miniature.judge.report import (
    measure,
)
from lambda_studio.miniature.world.identities import NOTHING, identities, in_every_slot, is_held_out
from lambda_studio.miniature.world.rendering import PIXELS, SEEN, render
from lambda_studio.miniature.world.scenes import scenes
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
    predicted = evaluation._predictions(who, ["a <s>"] * 8)
    assert {name: rows.shape for name, rows in predicted.items()} == {"0": (8, 256), "1": (8, 256)}
    alone = torch.zeros(2, dtype=torch.int64)
    shown = scenes(2, seeded(11, "shown"), who=in_every_slot(who), relation=alone, worn_share=0.0)
    pictures = evaluation.clip.encode_pixels(render(shown, SEEN).images)
    for own, other in ((0, 1), (1, 0)):
        near, far = (F.cosine_similarity(predicted[str(own)], pictures[row]).mean() for row in (own, other))
        assert near > far + 0.1
    assert not torch.equal(predicted["0"][0], predicted["0"][1]), "each from a noise of its own"


@pytest.fixture
def few(monkeypatch):
    """Six of the benchmark's subjects in place of thirty."""
    found = dict(list(bench_subjects().items())[:6])
    monkeypatch.setattr(measurements, "bench_subjects", lambda: found)
    return found


@pytest.mark.parametrize(("conditions", "each"), [("paper", 2), ("prior", 2), ("both", 4), ("scenes", 12)])
def test_fine_tuning_is_measured_with_the_stacks_conditions(evaluation, few, monkeypatch, conditions, each):
    seen, steps = [], []

    def trained(decoder, examples, config, folder) -> None:
        seen.extend(examples)
        steps.append(config.steps)

    monkeypatch.setitem(evaluation.stack.spec.finetune, "conditions", conditions)
    monkeypatch.setattr(measurements, "finetune_decoder", trained)
    found = evaluation.fine_tuned(FinetuneConfig(steps=7))
    assert len(seen) == each * measurements.REFERENCES * len(few) and steps == [7]
    mirrored = sum(example.is_mirrored for example in seen)
    assert 0 < mirrored < len(seen), "of each picture, or of those that face another way"
    ways = {(each.concept, each.image_sha, each.is_mirrored) for each in seen if each.prediction}
    assert len(ways) == measurements.REFERENCES * len(few) * (conditions != "paper"), "each picture one way"
    assert found["identity_change"] == 0, "nothing was trained"
    learnt = len(seen)
    evaluation.fine_tuned(FinetuneConfig(steps=7, keep_dressed=2))
    kept = [example for example in seen[learnt:] if example.mask is not None and not example.mask.any()]
    assert len(kept) == 2 * measurements.REFERENCES * len(few) == len(seen) - 2 * learnt


def test_a_lora_of_its_own_draws_the_pictures_of_its_subject(evaluation, few, monkeypatch):
    trained: list[str] = []

    def train(decoder, examples, config, folder) -> None:
        (subject,) = {example.concept for example in examples}
        trained.append(subject)

    drawn = {}

    def draw(embeds, numbers=None) -> torch.Tensor:
        for number in [] if numbers is None else numbers.tolist():
            drawn[number] = trained[-1]
        return torch.zeros(len(embeds), 3, PIXELS, PIXELS)

    monkeypatch.setattr(measurements, "finetune_decoder", train)
    monkeypatch.setattr(evaluation, "_draw", draw)
    evaluation.fine_tuned(FinetuneConfig(steps=7), apart=True)
    subjects = [str(number) for number in range(evaluation.count // 2)]
    assert trained == subjects and drawn == dict(enumerate(subjects)), "no LoRA of a subject that is not drawn"


def test_a_picture_is_drawn_by_its_number(evaluation):
    embeds = evaluation.clip.encode_pixels(render(evaluation.scenes("numbers")[:3], SEEN).images)
    whole, last = evaluation._draw(embeds), evaluation._draw(embeds[2:], torch.tensor([2]))
    torch.testing.assert_close(last[0], whole[2], rtol=0, atol=0.05)
    assert (evaluation._draw(embeds[2:]) - last).abs().max() > 0.2


def test_clip_finds_captions_far_more_often_than_by_chance_and_a_broken_one_does_not(evaluation, monkeypatch):
    found = evaluation.clip_retrieval(among=32)
    assert set(found) == {"caption_top1", "image_top1"} and min(found.values()) > 0.5
    encode = evaluation.clip.encode_pixels
    monkeypatch.setattr(evaluation.clip, "encode_pixels", lambda *args, **said: encode(*args, **said).roll(1, 0))
    assert max(evaluation.clip_retrieval(among=32).values()) < 0.1
