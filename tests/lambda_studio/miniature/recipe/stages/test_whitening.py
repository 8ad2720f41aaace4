"""Embeddings whitened for the decoder's training, and folded away after it."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file, save_file

from lambda_studio.miniature.recipe import recipe as recipes
from lambda_studio.miniature.recipe.config import DECODER, RecipeConfig
from lambda_studio.miniature.recipe.networks import build_unet
from lambda_studio.miniature.recipe.recipe import Recipe
from lambda_studio.miniature.recipe.stages.whitening import FLOOR, Whitening, readers
from lambda_studio.miniature.world.seeding import seeded
from lambda_studio.models.stacks.stack import WEIGHTS

STRENGTHS = torch.logspace(1, -2, 256)
"""Standard deviations of the made-up embeddings below, along axes that are none of their own numbers."""


@pytest.fixture(scope="module")
def embeds() -> torch.Tensor:
    generator = seeded(1, "embeds")
    rotation = torch.linalg.qr(torch.randn(256, 256, generator=generator)).Q
    return (torch.randn(4000, 256, generator=generator) * STRENGTHS) @ rotation + 3


def test_what_tells_much_is_at_one_strength_and_noise_stays_faint(embeds):
    whitened = Whitening.of(embeds)(embeds)
    assert whitened.mean(0).abs().max() < 1e-3
    variances, floor = STRENGTHS.flip(0) ** 2, FLOOR * (STRENGTHS**2).mean()
    assert torch.allclose(torch.linalg.eigvalsh(torch.cov(whitened.T)), variances / (variances + floor), rtol=0.2)


def test_whitening_rotates_nothing_so_that_it_is_the_same_wherever_a_training_goes_on(embeds):
    whiten = Whitening.of(embeds)
    assert torch.allclose(whiten.matrix, whiten.matrix.T, atol=1e-4)
    assert torch.linalg.eigvalsh(whiten.matrix).min() > 0
    assert torch.allclose(Whitening.of(embeds.flip(0)).matrix, whiten.matrix, atol=1e-2)


def answer(unet, embeds: torch.Tensor) -> torch.Tensor:
    latents, timesteps = torch.randn(2, 4, 16, 16, generator=seeded(2, "latents")), torch.tensor([100, 900])
    with torch.inference_mode():
        return unet(latents, timesteps, None, added_cond_kwargs={"image_embeds": embeds}, return_dict=False)[0]


def test_a_folded_unet_says_of_plain_embeddings_what_it_said_of_whitened_ones(embeds):
    torch.manual_seed(0)
    unet, whiten = build_unet().eval(), Whitening.of(embeds)
    said = answer(unet, whiten(embeds[:2]))
    assert not torch.allclose(answer(unet, embeds[:2]), said, atol=1e-2)
    whiten.fold_into(*readers(unet))
    assert torch.allclose(answer(unet, embeds[:2]), said, atol=1e-4)


def test_an_unfolded_unet_says_of_whitened_embeddings_what_it_said_of_plain_ones(embeds):
    torch.manual_seed(0)
    unet, whiten = build_unet().eval(), Whitening.of(embeds)
    said = answer(unet, embeds[:2])
    whiten.unfold_from(*readers(unet))
    assert torch.allclose(answer(unet, whiten(embeds[:2])), said, atol=1e-3)
    whiten.fold_into(*readers(unet))
    assert torch.allclose(answer(unet, embeds[:2]), said, atol=1e-3)


def test_a_decoder_that_goes_on_is_what_it_was_if_nothing_is_learnt(tmp_path, embeds, monkeypatch):
    save_file({"zero": torch.zeros(256)}, tmp_path / "embeds.safetensors")
    made = {"latents": torch.zeros(300, 4, 16, 16).half(), "image_embeds": embeds[:300].half()}
    made |= {"focus": torch.ones(300, 16, 16).half(), "alone": torch.arange(300) % 2 == 0}
    monkeypatch.setattr(Recipe, "targets", lambda recipe: made)
    monkeypatch.setattr(recipes, "train_stage", lambda *_: None)
    Recipe(tmp_path, RecipeConfig.continuing(WEIGHTS, "gradient")).train_decoder()
    kept = load_file(tmp_path / "decoder.safetensors")
    for name, before in load_file(WEIGHTS / "decoder" / "unet" / recipes.PART_WEIGHTS).items():
        assert torch.allclose(kept[name].float(), before.float(), rtol=2e-2, atol=2e-3), name


def test_the_recipe_trains_the_decoder_on_whitened_embeddings_and_keeps_it_for_plain_ones(
    tmp_path, embeds, monkeypatch
):
    empty = SimpleNamespace(zero_image_embeds=lambda: torch.zeros(256))
    monkeypatch.setattr(Recipe, "train_clip", lambda recipe: empty)
    stored = {"latents": torch.randn(64, 4, 16, 16).half(), "image_embeds": embeds[:64].half()}
    stored |= {"focus": torch.ones(64, 16, 16).half(), "alone": torch.arange(64) % 2 == 0}
    (tmp_path / "targets").mkdir()
    save_file(stored, tmp_path / "targets" / "0.safetensors")
    trained = {}

    def train_stage(objective, work, progress):
        model, loss_of = objective.model, objective.loss_of
        model.register_forward_pre_hook(
            lambda module, args, kwargs: trained.update(kwargs["added_cond_kwargs"]), with_kwargs=True
        )
        loss_of(0)["loss"].backward()
        trained["weight"] = model.encoder_hid_proj.image_embeds.weight.detach().clone()

    monkeypatch.setattr(recipes, "train_stage", train_stage)
    Recipe(tmp_path, RecipeConfig(decoder_pictures=64, decoder=replace(DECODER, batch_size=8))).train_decoder()
    whiten = Whitening.of(stored["image_embeds"])
    shown = whiten(torch.cat([stored["image_embeds"], torch.zeros(1, 256)]))
    assert torch.cdist(trained["image_embeds"], shown).min(1).values.max() < 0.1, "others are ten away"
    kept = load_file(tmp_path / "decoder.safetensors")["encoder_hid_proj.image_embeds.weight"].float()
    assert torch.allclose(kept @ whiten.matrix.inverse(), trained["weight"], atol=0.02)
