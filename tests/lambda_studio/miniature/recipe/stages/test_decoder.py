"""What the decoder's stage shows the UNet, and the weights that it trains."""

import pytest
import torch

from lambda_studio.miniature.recipe.networks import build_scheduler, build_unet
from lambda_studio.miniature.recipe.stages.decoder import NOISIEST_WEIGHT, decoder_stage


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


def test_the_decoders_stage_trains_every_part_that_it_uses():
    torch.manual_seed(0)
    unet = build_unet()
    latents, alone = torch.randn(4, 4, 16, 16), torch.arange(4) < 2
    loss_of = decoder_stage(unet, latents, torch.randn(4, 256), torch.zeros(256), torch.ones(4, 16, 16), alone, 3, 4)
    loss_of(0)["loss"].backward()
    idle = [name for name, p in unet.named_parameters() if p.grad is None]
    assert idle == []
