"""Scores compare what is drawn with images that the training has not seen, and change nothing of it."""

import json
from dataclasses import replace

import pytest
import torch

from lambda_studio.config import FinetuneConfig
from lambda_studio.errors import InvalidSetting
from lambda_studio.evaluation.by_clip import ClipComposition, ClipLikeness
from lambda_studio.evaluation.measures import View
from lambda_studio.evaluation.similarity import likeness
from lambda_studio.workflows.evaluating.holdout import hold_out
from lambda_studio.workflows.evaluating.views import views_of
from lambda_studio.workflows.run_files import read_scores
from lambda_studio.workflows.tuning import run as tuning
from lambda_studio.workflows.tuning.watching import scoring as scoring_module
from lambda_studio.workflows.tuning.watching.scoring import Scoring, new_board, score_requests

CONFIG = FinetuneConfig(steps=4, rank=2, learning_rate=0.01, preview_every=2, holdout=1)


@pytest.fixture
def rex(add, box) -> None:
    """A concept of four images."""
    add("rex", *(box(seed) for seed in range(4)))


def test_pictures_are_scored_against_what_is_held_back_and_drawn_from_the_rest(studio, rex, tmp_path) -> None:
    place = studio.workplace
    holdout = hold_out(place.get_concepts(["rex"]), 1)
    requests = score_requests(place, holdout)
    assert [each.prompt.text for each in requests.asked] == ["a dog on the beach", "a dog in the snow"]
    assert requests.references["CLIP-I"]["rex"].shape == (1, 32)
    board = new_board(requests, replace(CONFIG, keep="best", patience=3), 2, tmp_path / "scores.jsonl")
    assert (board.rules.keep_best, board.rules.patience, board.rules.ease_off) == (True, 3, False)
    scoring = Scoring(place.stack, place.stack.decoder(), requests, board, scoring_module.GenerateConfig())
    drawn = [view.image for view in views_of(place, holdout.training[0], holdout.training[0].images[:2])]
    found = scoring.scores(drawn)["rex"]
    judge = ClipLikeness(place.stack)
    held = judge.embed(views_of(place, holdout.training[0], holdout.held["rex"]))
    assert found["likeness"] == pytest.approx(likeness(judge.embed([View(each, "dog") for each in drawn]), held))
    texts = [each.prompt.text for each in requests.asked]
    assert found["composition"] == pytest.approx(float(ClipComposition(place.stack).score(drawn, texts).mean()))
    (itself,) = scoring.scores(
        [view.image for view in views_of(place, holdout.training[0], holdout.held["rex"])] * 2
    ).values()
    assert itself["likeness"] == pytest.approx(1.0)


def test_the_embedding_that_is_drawn_from_is_of_the_trained_images(studio, rex, monkeypatch) -> None:
    place, seen = studio.workplace, []
    blended = type(place.embedder).blended
    monkeypatch.setattr(
        type(place.embedder), "blended", lambda embedder, concept: seen.append(concept) or blended(embedder, concept)
    )
    holdout = hold_out(place.get_concepts(["rex"]), 1)
    score_requests(place, holdout)
    assert [len(concept.images) for concept in seen] == [3]


def test_scores_change_nothing_of_the_weights(studio, rex, monkeypatch) -> None:
    scored = studio.finetune(["rex"], CONFIG)
    monkeypatch.setattr(tuning.Watch, "prepare", lambda *_: None)
    assert studio.finetune(["rex"], CONFIG).adapter.sha256 == scored.adapter.sha256


def test_each_preview_has_scores_in_the_log_and_in_the_answer(studio, rex, notices) -> None:
    done = studio.finetune(["rex"], replace(CONFIG, keep="best"))
    assert [line["step"] for line in done.scores] == [0, 2, 4]
    assert done.scores[0]["metrics"] == {"likeness": "CLIP-I", "composition": "CLIP-T"}
    assert list(done.scores) == list(read_scores(studio.runs.get(done.run_id).folder))
    best = max(done.scores[1:], key=lambda line: line["score"])["step"]
    assert done.kept == (None if best == 4 else best)
    (held,) = hold_out(studio.workplace.get_concepts(["rex"]), 1).held["rex"]
    assert f"rex: not trained on, for the scores: {held.source_name}" in notices
    assert f"not trained on, for the scores: {held.source_name}" in done.report.read_text()
    card = studio.runs.get(done.run_id)
    assert (card.scores, card.kept, card.ended_step) == (done.scores, done.kept, None)
    assert studio.runs.list()[0].scores == ()


@pytest.mark.parametrize("ease_off", [False, True])
def test_a_scored_run_is_resumed_to_the_same_adapter(studio, rex, add, box, ease_off) -> None:
    add("max", *(box(seed) for seed in range(5, 8)))
    config = replace(CONFIG, steps=8, keep="best", patience=3, ease_off=ease_off, checkpoint_every=3)
    whole = studio.finetune(None, config)
    calls = iter([False] * 3)
    stopped = studio.finetune(None, config, should_stop=lambda: next(calls, True))
    assert stopped.adapter is None
    resumed = studio.finetune([], resume=True)
    assert resumed.adapter.sha256 == whole.adapter.sha256
    assert resumed.scores == whole.scores


def test_patience_ends_a_run_and_its_card_says_so(studio, rex, monkeypatch) -> None:
    monkeypatch.setattr(Scoring, "scores", lambda *_: {"rex": {"likeness": 0.5, "composition": 0.3}})
    done = studio.finetune(["rex"], replace(CONFIG, steps=20, patience=2, keep="best"))
    assert (done.steps, done.planned_steps, done.kept) == (4, 20, 2)
    card = studio.runs.get(done.run_id)
    assert (card.state, card.steps, card.ended_step, card.kept) == ("finished", 20, 4, 2)
    made = studio.adapters.get(done.adapter.id)
    assert (made.planned_steps, made.ended_step, made.kept) == (20, 4, 2)
    whole = studio.adapters.get(studio.finetune(["rex"], replace(CONFIG, steps=1, holdout=0)).adapter.id)
    assert (whole.planned_steps, whole.ended_step, whole.kept) == (1, None, None)
    assert "It ended after step 4, because its scores rose no more." in done.report.read_text()
    assert done.adapter.settings["preview_every"] == 2, "the same again needs the same previews"


def test_too_few_images_are_refused_before_a_run_begins(studio, add, photo) -> None:
    add("rex", photo)
    with pytest.raises(InvalidSetting, match="holdout is 1, and no concept has 3 images"):
        studio.finetune(["rex"], CONFIG)
    assert studio.runs.list() == []


def test_where_the_gpu_is_too_small_the_training_goes_on_without_scores(studio, rex, monkeypatch, notices) -> None:
    def refuse(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(scoring_module, "draw_embeds", refuse)
    done = studio.finetune(["rex"], replace(CONFIG, keep="best", patience=1))
    assert (done.steps, done.scores, done.kept, done.adapter.id) == (4, (), None, 1)
    told = [said for said in notices if "GPU memory" in said]
    assert told == ["There is too little GPU memory for scores beside the training: none are made from now on."]


def test_forgetting_deletes_the_scores(studio, rex) -> None:
    done = studio.finetune(["rex"], CONFIG)
    path = studio.runs.get(done.run_id).folder / "scores.jsonl"
    assert json.loads(path.read_text().splitlines()[0])["subjects"].keys() == {"rex"}
    studio.concepts.forget("rex", None, lambda found: None)
    assert not path.exists()
