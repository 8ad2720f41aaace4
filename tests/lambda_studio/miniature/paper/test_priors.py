"""Priors of a seed: each is trained with what its trial says, on the part of the pictures that it says."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from lambda_studio.generation.conditioning import condition
from lambda_studio.miniature.paper import priors
from lambda_studio.miniature.paper.claim import Job
from lambda_studio.miniature.paper.concatenation import ROOM, concatenate
from lambda_studio.miniature.paper.players import Players
from lambda_studio.miniature.paper.priors import Priors, Trial, build_prior
from lambda_studio.miniature.recipe.stage import StageConfig
from lambda_studio.models.prior import PriorTransformer


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"STEPS": 2, "BATCH": 4, "PICTURES": 12}.items():
            patch.setattr(priors, name, value)
        yield Priors(Job(1, 2, tmp_path_factory.mktemp("priors")))


def test_a_prior_is_trained_and_drawn_with(trained: Priors) -> None:
    folder = trained.trained(Trial(layers=1, heads=2))
    prior = PriorTransformer.from_pretrained(folder)
    torch.manual_seed(1)
    begun = build_prior(Trial(layers=1, heads=2))
    pairs = zip(prior.parameters(), begun.parameters(), strict=True)
    assert not all(torch.equal(own, other) for own, other in pairs), "it learnt nothing"
    assert Players(folder).stack.prior().config["num_layers"] == 1
    assert Players().stack.prior().config["num_layers"] == 6


def test_a_prior_of_concatenated_prompts_has_positions_for_embeddings_and_draws(trained: Priors) -> None:
    trial = Trial(layers=1, heads=2, concatenated=True)
    players = Players(trained.trained(trial), trial.joining)
    interleaved, own = build_prior(Trial(layers=1, heads=2)), players.stack.prior()
    assert own.positional_embedding.shape[1] == interleaved.positional_embedding.shape[1] + ROOM
    one, other = players.subjects(2, 1)
    predicted = players.predicted([("a {0}", [one]), ("a {0}", [replace(one, embeds=other.embeds)])], 1)
    assert len({row.sum().item() for row in predicted}) == 2, "it does not see the embeddings"


def test_a_trial_changes_what_it_names_and_nothing_else(trained: Priors, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def batches(clip, data, seed, batch_size, **settings):
        return len(data), len(data.scene), len(data.cutouts), settings

    def stage(prior, given, config):
        asked.append((*given[:3], {**given[3], "config": config}))
        return lambda step: {"loss": next(prior.parameters()).sum()}

    monkeypatch.setattr(priors, "PriorBatches", batches)
    monkeypatch.setattr(priors, "prior_stage", stage)
    trials = (Trial(), Trial(contrastive_weight=0.5, edges=0.25), Trial(pictures=3), Trial(concatenated=True))
    for trial in trials:
        trained.trained(trial)
    whole, other, part, concatenated = asked
    assert whole[:2] == (12, 12) and part[:2] == (3, 3) and part[2] == whole[2], "cut-outs are found by row"
    assert (whole[3]["control_dropped"], whole[3]["config"].contrastive_weight) == (1.0, 0.2)
    assert (other[3]["control_dropped"], other[3]["config"].contrastive_weight) == (0.75, 0.5)
    assert other[:3] == whole[:3]
    assert (whole[3]["joining"], concatenated[3]) == (condition, {**whole[3], "joining": concatenate})


def test_a_prior_that_is_there_is_not_trained_again_and_a_stopped_training_goes_on(
    trained: Priors, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial, steps = Trial(layers=1, heads=1), []
    stage = priors.prior_stage

    def counted(*given, **settings):
        loss_of = stage(*given, **settings)

        def loss(step: int):
            steps.append(step)
            if len(steps) == 2:
                raise KeyboardInterrupt
            return loss_of(step)

        return loss

    monkeypatch.setattr(priors, "prior_stage", counted)
    monkeypatch.setattr(priors, "StageConfig", partial(StageConfig, checkpoint_every=1))
    with pytest.raises(KeyboardInterrupt):
        trained.trained(trial)
    assert not (trained.folder / trial.name).exists() and (trained.folder / "runs" / trial.name).is_dir()
    folder = trained.trained(trial)
    assert steps == [0, 1, 1], "it went on from its checkpoint"
    assert trained.trained(trial) == folder and steps == [0, 1, 1]
    assert not list((trained.folder / "runs").iterdir())


def test_other_settings_have_other_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    one, other = (Priors(Job(seed, 2, tmp_path)).folder for seed in (1, 2))
    monkeypatch.setattr(priors, "STEPS", 7)
    assert len({one, other, Priors(Job(1, 2, tmp_path)).folder}) == 3
