"""What the recipe's stages show their models, and the weights that they train."""

import pytest
import torch

from lambda_studio.miniature.recipe.corpus import build_corpus
from lambda_studio.miniature.recipe.embedded import Embedded, embed
from lambda_studio.miniature.recipe.networks import build_movq, build_scheduler, build_unet
from lambda_studio.miniature.recipe.stages import (
    NOISIEST_WEIGHT,
    _ThereAndBack,
    decoder_stage,
    focus,
    movq_stage,
    prior_stage,
)
from lambda_studio.miniature.world.scenes import NOTHING, render, scenes
from lambda_studio.miniature.world.seeding import seeded
from lambda_studio.models.prior import PriorTransformer
from lambda_studio.models.stacks.stack import Stack, resolve_stack
from tests.lambda_studio.miniature.judge.perfect import alone


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return build_corpus(tmp_path_factory.mktemp("corpus"), 64, seed=5)


def test_focus_is_on_subjects_and_most_on_what_they_wear():
    scene = alone(40, seed=13)
    drawn = render(scene)
    weight = focus(drawn)
    assert weight.shape == (40, 16, 16)
    assert weight.mean((1, 2)).allclose(torch.ones(40))
    shown = {
        "nobody": 1 - (drawn.subjects + drawn.worn).sum(1), "subject": drawn.subjects.sum(1), "worn": drawn.worn.sum(1)
    }  # fmt: skip
    cells = {name: torch.nn.functional.avg_pool2d(seen[:, None], 4)[:, 0] > 0.99 for name, seen in shown.items()}
    for row in (scene.worn[:, 0] != NOTHING).nonzero()[:, 0].tolist():
        of = {name: weight[row][where[row]] for name, where in cells.items() if where[row].any()}
        assert of["subject"].allclose(4 * of["nobody"][0], rtol=0.01)
        assert "worn" not in of or of["worn"].allclose(7 * of["nobody"][0], rtol=0.01)
    assert cells["worn"].any()


class _KnowsTheNoise(torch.nn.Module):
    """Takes the UNet's place; remembers what it was asked, and answers zero everywhere."""

    def forward(self, noisy, timesteps, encoder_hidden_states, added_cond_kwargs, return_dict):
        self.noisy, self.timesteps, self.image_embeds = noisy, timesteps, added_cond_kwargs["image_embeds"]
        return (torch.zeros(len(noisy), 8, 16, 16),)


def _decoder_losses(weights: torch.Tensor, step: int = 0, unconditional: float = 0.1):
    unet, alone = _KnowsTheNoise(), torch.arange(20) < 5
    embeds = torch.arange(20.0)[:, None].expand(20, 256) + 1
    loss_of = decoder_stage(
        unet, torch.zeros(20, 4, 16, 16), embeds, torch.zeros(256), weights, alone, 3, 512, unconditional
    )
    return loss_of(step), unet


def test_the_decoders_error_counts_where_the_weights_say():
    even, _ = _decoder_losses(torch.ones(20, 16, 16))
    assert even["loss"] > even["error"] > 0
    nowhere, _ = _decoder_losses(torch.zeros(20, 16, 16))
    assert nowhere["loss"] == 0 and nowhere["error"] == even["error"]
    top = torch.zeros(20, 16, 16)
    top[:, :8] = 2
    assert _decoder_losses(top)[0]["loss"] == pytest.approx(float(even["loss"]), rel=0.05)


def test_where_there_is_more_noise_than_picture_the_decoders_error_is_the_pictures():
    losses, unet = _decoder_losses(torch.ones(20, 16, 16))
    kept = build_scheduler().alphas_cumprod[unet.timesteps]
    noisiness = (1 - kept) / kept
    assert noisiness.min() < 1 < NOISIEST_WEIGHT < noisiness.max(), "clear and noisy ones were drawn"
    # its answer is no noise at all, so that each picture's error is 1
    assert losses["loss"] == pytest.approx(float(noisiness.clamp(1, NOISIEST_WEIGHT).mean()), rel=0.02)


def test_the_decoder_sees_subjects_alone_and_in_company_and_a_tenth_without_a_picture():
    _, unet = _decoder_losses(torch.ones(20, 16, 16))
    nothing = unet.image_embeds[:, 0] == 0
    assert 0.05 < nothing.float().mean() < 0.16
    alone = unet.image_embeds[:, 0] <= 5
    assert alone[::2].all(), "half are chosen alone"
    assert not alone[1::2][~nothing[1::2]].any(), "and half in company"
    middling = ((unet.timesteps > 250) & (unet.timesteps < 750)).float().mean()
    assert 0.56 < middling < 0.70, "evenly drawn, half of the timesteps would lie there"


def test_the_decoder_sees_the_same_at_a_step_each_time_and_others_at_another_step():
    def shown(step):
        _, unet = _decoder_losses(torch.ones(20, 16, 16), step)
        return unet.noisy, unet.timesteps, unet.image_embeds

    first, again, other = shown(5), shown(5), shown(6)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("step, shape", [(0, (8, 3, 32, 32)), (1, (2, 3, 64, 64))])
def test_movq_sees_crops_first_and_whole_pictures_later(corpus, step, shape, monkeypatch):
    movq, seen = build_movq(), []
    encode = movq.encode
    monkeypatch.setattr(movq, "encode", lambda x: seen.append(x.shape) or encode(x))
    losses = movq_stage(movq, corpus, torch.ones(len(corpus), 16, 16), seed=2, batch_size=8, whole_from=1)(step)
    assert seen == [shape]
    losses["loss"].backward()
    assert all(p.grad is not None for name, p in movq.named_parameters() if p.requires_grad), "all of it is trained"


def test_movqs_outputs_are_those_of_its_own_encode_and_decode(corpus):
    torch.manual_seed(0)
    movq = build_movq()
    images, noise = torch.rand(2, 3, 32, 32), torch.randn(2, 4, 8, 8)
    latents, output = _ThereAndBack(movq)(images, noise)
    assert torch.equal(latents, movq.encode(images).latents)
    assert torch.equal(output, movq.decode(latents + noise, force_not_quantize=True).sample)


def test_with_fixed_latents_only_movqs_decoding_half_learns(corpus):
    torch.manual_seed(0)
    movq, weights = build_movq(), torch.ones(len(corpus), 16, 16)
    before = {name: value.clone() for name, value in movq.state_dict().items()}
    loss_of = movq_stage(movq, corpus, weights, seed=2, batch_size=8, whole_from=0, fixed_latents=True)
    optimizer = torch.optim.AdamW([p for p in movq.parameters() if p.requires_grad], lr=1e-3)
    for step in range(3):
        loss_of(step)["loss"].backward()
        optimizer.step()
    changed = {name for name, value in movq.state_dict().items() if not torch.equal(value, before[name])}
    assert {name.split(".")[0] for name in before} == {
        "encoder", "quant_conv", "quantize", "post_quant_conv", "decoder"
    }  # fmt: skip
    assert changed == {name for name in before if name.startswith(("decoder.", "post_quant_conv."))}


def test_movqs_error_counts_where_the_weights_say(corpus):
    torch.manual_seed(0)
    movq, top = build_movq(), torch.zeros(len(corpus), 16, 16)
    top[:, :8] = 1
    nowhere, above, below, everywhere = (
        movq_stage(movq, corpus, weights, seed=2, batch_size=8, whole_from=0)(0)
        for weights in (torch.zeros_like(top), top, 1 - top, torch.ones_like(top))
    )
    assert nowhere["psnr"] == above["psnr"] == everywhere["psnr"]
    above, below, everywhere = ((each["loss"] - nowhere["loss"]).item() for each in (above, below, everywhere))
    assert above > 0 and below > 0 and above + below == pytest.approx(everywhere, rel=1e-4)


def test_the_decoders_stage_trains_every_part_that_it_uses():
    torch.manual_seed(0)
    unet = build_unet()
    latents, alone = torch.randn(4, 4, 16, 16), torch.arange(4) < 2
    loss_of = decoder_stage(unet, latents, torch.randn(4, 256), torch.zeros(256), torch.ones(4, 16, 16), alone, 3, 4)
    loss_of(0)["loss"].backward()
    idle = [name for name, p in unet.named_parameters() if p.grad is None]
    assert idle == []


@pytest.fixture(scope="module")
def clip():
    return Stack(resolve_stack("miniature")).clip()


@pytest.fixture(scope="module")
def data(clip):
    scene = scenes(16, seeded(3, "data"), worn_share=1.0)
    return Embedded.of(embed(scene, clip, "canny", seeded(4), at_once=16), clip.zero_image_embeds())


class _Asked(PriorTransformer):
    """A prior that remembers its inputs, and predicts zeros."""

    def forward(self, *inputs):
        self.inputs = inputs
        return torch.zeros(len(inputs[0]), 256, requires_grad=True)


def test_the_prior_sees_the_subjects_and_the_edges_of_each_scene(clip, data):
    asked = _Asked(num_layers=1, embedding_dim=256, num_embeddings=32)
    losses = prior_stage(asked, clip, data, 1, 8, control_dropped=0.0, text_only=0.0)(0)
    _, hidden, _, control, mask = asked.inputs
    assert losses["mse"] > 0
    rows = (torch.cdist(control.float(), data.edges.float()) < 1e-3).nonzero()
    assert rows[:, 0].tolist() == list(range(8)), "edges of a scene, for each prompt"
    for place, row in rows.tolist():
        own = data.cutouts[data.cutout_rows[row, 0]].float()
        assert (torch.cdist(hidden[place][mask[place]], own[None]) < 1e-3).any(), "the subject's own picture"
    prior_stage(asked, clip, data, 1, 8, control_dropped=1.0, text_only=1.0)(0)
    _, words, pooled, control, _ = asked.inputs
    assert control.equal(data.zero.expand(8, -1)) and len(pooled) == 8
    assert (torch.cdist(words, data.cutouts.float()[None]) > 1).all(), "words alone"


def test_prompts_that_are_written_ahead_are_the_same(clip, data):
    prior = _Asked(num_layers=1, embedding_dim=256, num_embeddings=32)
    here, ahead = (prior_stage(prior, clip, data, 1, 4, workers=workers) for workers in (0, 1))
    for step in (0, 1, 5):
        assert here(step)["loss"].item() == ahead(step)["loss"].item()
