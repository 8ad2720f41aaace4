"""Trainings of claims: what the decoder is conditioned on, and trainings that go on."""

import pytest
import torch

from lambda_studio.miniature.paper.claim import Job
from lambda_studio.miniature.paper.players import REFERENCES, Players
from lambda_studio.miniature.paper.tuning import Tuning, kept_folder, named
from lambda_studio.models.adapters.lora.attaching import lora_tensors
from lambda_studio.workflows.tuning.other_scenes import PLACES


@pytest.fixture(scope="module")
def players() -> Players:
    return Players()


def test_a_subject_has_the_same_photographs_alone_and_among_others(players: Players, tmp_path) -> None:
    one, other = players.subjects(2, 1)
    both = Tuning(players, {0: one, 1: other}, 1, tmp_path).examples
    (alone,) = [Tuning(players, {1: other}, 1, tmp_path).examples]
    assert len(both) == 2 * REFERENCES and {each.concept for each in alone} == {"subject-0001"}
    for own, same in zip(alone, both[REFERENCES:], strict=True):
        assert torch.allclose(own.latents, same.latents, atol=1e-4)
        assert torch.allclose(own.image_embeds, same.image_embeds, atol=1e-4)


def test_by_text_the_condition_is_the_priors_embedding_of_a_unique_word(players: Players, tmp_path) -> None:
    (subject,) = players.subjects(1, 1)
    by_text = Tuning(players, {0: subject}, 1, tmp_path, "words").examples
    said = players.predicted([(f"a {named(0, subject)}", [])] * REFERENCES, 1)
    plain = players.predicted([(f"a {subject.noun}", [])] * REFERENCES, 1)
    assert torch.equal(torch.stack([each.image_embeds for each in by_text]), said)
    assert not torch.allclose(said, plain), "the word says nothing"


def test_a_training_that_goes_on_has_the_weights_of_one_that_did_not_stop(players: Players, tmp_path) -> None:
    (subject,) = players.subjects(1, 1)
    found = []
    for name, stops in {"stopped": (1, 2), "whole": (2,), "finished": (2, 2)}.items():
        tuning = Tuning(players, {0: subject}, 1, tmp_path / name)
        for steps in stops:
            tuning.to(steps)
        found.append({key: value.clone() for key, value in lora_tensors(players.stack.decoder().unet).items()})
    stopped, whole, finished = found
    assert stopped.keys() == whole.keys() == finished.keys() and len(whole) > 0
    assert all(torch.equal(stopped[key], whole[key]) for key in whole)
    assert all(torch.equal(finished[key], whole[key]) for key in whole)


def test_a_kept_training_is_of_its_claim_seed_and_size(tmp_path) -> None:
    folders = [
        kept_folder(Job(seed, pictures, tmp_path), key)
        for key, seed, pictures in (
            ("table-2", 1, 24),
            ("table-2", 2, 24),
            ("table-2", 1, 12),
            ("thirty-subjects", 1, 24),
        )
    ]
    assert len(set(folders)) == 4 and {each.parent for each in folders} == {tmp_path}
    assert folders[0] == kept_folder(Job(1, 24, tmp_path), "table-2")


def test_in_scenes_the_subject_is_learnt_in_other_places_by_its_mask(players: Players, tmp_path) -> None:
    (subject,) = players.subjects(1, 1)
    paper, scenes = (Tuning(players, {0: subject}, 1, tmp_path, way).examples for way in ("paper", "scenes"))
    assert [each.image_sha for each in scenes[: len(paper)]] == [each.image_sha for each in paper]
    placed = [each for each in scenes if each.only_subject]
    assert len(placed) == len(PLACES) * REFERENCES and len(scenes) == len(paper) + 2 * REFERENCES + len(placed)
    for each in placed:
        assert each.mask is not None and 0.02 < float(each.mask.mean()) < 0.6
    for picture in {each.image_sha for each in placed}:
        learnt = torch.stack([each.image_embeds for each in placed if each.image_sha == picture])
        assert torch.pdist(learnt).min() > 1, "a picture in as many places"


def test_the_stacks_settings_are_those_of_the_training(players: Players, tmp_path) -> None:
    (subject,) = players.subjects(1, 1)
    Tuning(players, {0: subject}, 1, tmp_path / "run").to(1)
    ranks = {value.shape[0] for key, value in lora_tensors(players.stack.decoder().unet).items() if "lora_A" in key}
    assert ranks == {players.stack.spec.finetune["rank"]}
