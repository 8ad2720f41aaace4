"""Decoders of two families: as large, trained by the same loss, kept, and drawn with."""

from pathlib import Path

import pytest
import torch

from lambda_studio.miniature.paper import decoders
from lambda_studio.miniature.paper.claim import Job
from lambda_studio.miniature.paper.decoders import BUILDERS, KANDINSKY, STABLE, Decoders
from lambda_studio.miniature.paper.players import Players
from lambda_studio.models.decoders.protocol import Decoder
from lambda_studio.training.objectives.objectives import NoisedBatch


@pytest.fixture(scope="module")
def players() -> Players:
    return Players()


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, players: Players) -> Decoders:
    for name, value in {"STEPS": 2, "BATCH": 4, "PICTURES": 12}.items():
        monkeypatch.setattr(decoders, name, value)
    return Decoders(Job(1, 2, tmp_path), players.stack)


def untrained(family: str, players: Players) -> Decoder:
    torch.manual_seed(decoders.SEED)
    return BUILDERS[family](players.stack.decoder(("autoencoder",)))


def test_both_unets_have_about_as_many_parameters(players: Players) -> None:
    one, other = (sum(each.numel() for each in untrained(family, players).unet.parameters()) for family in BUILDERS)
    assert one == pytest.approx(other, rel=0.02)


@pytest.mark.parametrize("family", BUILDERS)
def test_a_decoder_is_trained_once_and_kept(trained: Decoders, players: Players, family: str, monkeypatch) -> None:
    first = trained.trained(family)
    begun = untrained(family, players)
    pairs = zip(first.unet.parameters(), begun.unet.parameters(), strict=True)
    assert not all(torch.equal(own, other) for own, other in pairs), "it learnt nothing"
    monkeypatch.setattr(decoders, "train_stage", None)
    again = trained.trained(family)
    assert all(torch.equal(*pair) for pair in zip(first.unet.parameters(), again.unet.parameters(), strict=True))
    assert not list((trained._folder / "runs").iterdir())


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[NoisedBatch]:
    """The batches whose loss is computed."""
    seen: list[NoisedBatch] = []

    def loss(decoder: Decoder, batch: NoisedBatch) -> torch.Tensor:
        seen.append(batch)
        return torch.zeros(())

    monkeypatch.setattr(decoders, "noise_prediction_loss", loss)
    return seen


def test_both_families_learn_the_same_pictures_with_the_same_noise(trained: Decoders, players: Players, batches):
    for family in BUILDERS:
        trained._loss(untrained(family, players))(5)
    one, other = batches
    assert all(torch.equal(getattr(one, name), getattr(other, name)) for name in ("latents", "noise", "timesteps"))


def test_a_picture_that_is_learnt_without_its_embedding_has_the_familys_own_sign_for_it(
    trained: Decoders, players: Players, batches, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoders, "WITHOUT", 1.0)
    for family, nothing in {KANDINSKY: trained.zero, STABLE: torch.zeros_like(trained.zero)}.items():
        trained._loss(untrained(family, players))(0)
        assert torch.equal(batches.pop().image_embeds, nothing.expand(4, -1))


def test_stable_unclip_draws_pictures_in_the_latents_of_movq(players: Players) -> None:
    decoder = untrained(STABLE, players)
    latents = torch.randn(1, 4, 16, 16)
    own = players.stack.decoder().decode(latents)
    torch.testing.assert_close(decoder.decode(latents), own)
