"""The noise of an image embedding against diffusers' own parts."""

import torch
from diffusers import DDPMScheduler
from diffusers.pipelines.stable_diffusion import StableUnCLIPImageNormalizer

from lambda_studio.models.decoders.unclip.image_noise import ImageNoise
from tests.lambda_studio.models.decoders.unclip.small import facts

SCHEDULE = DDPMScheduler.from_config(facts("stable_unclip_image_noising_scheduler"))


def test_embeddings_are_noised_between_normalising_and_back_and_the_level_follows():
    generator = torch.Generator().manual_seed(1)
    normalizer = StableUnCLIPImageNormalizer(embedding_dim=6)
    normalizer.mean.data, normalizer.std.data = torch.randn(2, 1, 6, generator=generator)
    embeds, noise = torch.randn(2, 3, 6, generator=generator)
    for level in (0, 300, 999):
        told = ImageNoise(normalizer.mean, normalizer.std, SCHEDULE.alphas_cumprod, level)(embeds, noise)
        with torch.no_grad():
            noisy = SCHEDULE.add_noise(normalizer.scale(embeds), noise, torch.full((3,), level))
            torch.testing.assert_close(told[:, :6], normalizer.unscale(noisy))
        angles = level * 10000 ** -(torch.arange(3) / 3)
        torch.testing.assert_close(told[:, 6:], torch.cat([angles.cos(), angles.sin()]).expand(3, -1))


def test_noise_of_level_0_is_less_than_a_hundredth_of_a_standard_deviation():
    noise = ImageNoise(torch.zeros(1, 6), torch.ones(1, 6), SCHEDULE.alphas_cumprod, 0)
    added = noise(torch.zeros(1, 6), torch.ones(1, 6))[0, :6]
    assert 0.006 < float(added[0]) < 0.007
    assert not noise(torch.zeros(1, 6), None)[0, :6].any()
