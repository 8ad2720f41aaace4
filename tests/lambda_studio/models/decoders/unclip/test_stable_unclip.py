"""Stable unCLIP against diffusers' pipeline, of both sizes."""

import shutil

import pytest
import torch
from diffusers import EulerDiscreteScheduler, StableUnCLIPImg2ImgPipeline
from torch.nn import functional as F

from lambda_studio.config import GenerateConfig, Size
from lambda_studio.errors import InvalidSetting, StudioError
from lambda_studio.generation.samplers import sample
from lambda_studio.models.decoders.protocol import Decoder
from lambda_studio.models.decoders.unclip.stable_unclip import load_decoder
from tests.lambda_studio.models.decoders.unclip.small import DIMS, LENGTH, WIDTH, save_stable_unclip

SEEDS = [3, 4, 5]


@pytest.fixture(scope="module", params=["h", "l"])
def folder(request, tmp_path_factory):
    return save_stable_unclip(tmp_path_factory.mktemp("models") / request.param, request.param)


@pytest.fixture(scope="module")
def decoder(folder):
    return load_decoder(folder)


@pytest.fixture
def embeds(decoder):
    dim = decoder.unet.config.projection_class_embeddings_input_dim // 2
    return torch.randn(3, dim, generator=torch.Generator().manual_seed(7))


def generators():
    return [torch.Generator().manual_seed(seed) for seed in SEEDS]


def pipeline(folder, scheduler):
    pipe = StableUnCLIPImg2ImgPipeline.from_pretrained(folder)
    pipe.scheduler = scheduler
    pipe.set_progress_bar_config(disable=True)
    return pipe


def theirs(folder, scheduler, embeds, config, noise_level=0, **given):
    """The latents and pictures of diffusers' pipeline."""
    pipe = pipeline(folder, scheduler)
    settings = {"num_inference_steps": config.num_inference_steps, "guidance_scale": config.guidance_scale}
    settings |= {"height": config.height or 64, "width": config.width or 64, "noise_level": noise_level, **given}
    latents = pipe(
        prompt=[""] * len(embeds), image_embeds=embeds, generator=generators(), output_type="latent", **settings
    ).images
    with torch.no_grad():  # as the pipeline decodes, but one by one: a batch rounds differently
        pixels = [pipe.vae.decode(one / pipe.vae.config.scaling_factor).sample for one in latents.split(1)]
    return latents, (torch.cat(pixels) / 2 + 0.5).clamp(0, 1)


def ours(decoder, embeds, config):
    """The latents and pictures that `sample` makes."""
    seen = []
    whole = decoder.decode
    decoder.decode = lambda latents, *rest: seen.append(latents) or whole(latents, *rest)
    try:
        pixels = sample(decoder, embeds, decoder.no_picture(torch.ones(embeds.shape[1])), SEEDS, config)
    finally:
        del decoder.decode
    return seen[0], pixels


@pytest.mark.parametrize("guidance_scale", [10.0, 1.0])
def test_latents_and_pictures_equal_those_of_diffusers_pipeline(folder, decoder, embeds, guidance_scale):
    config = GenerateConfig(num_inference_steps=4, guidance_scale=guidance_scale)
    for one, other in zip(
        ours(decoder, embeds, config), theirs(folder, decoder.scheduler, embeds, config), strict=True
    ):
        assert other.std() > 0.05
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)  # latents are larger than 1


def test_a_wide_picture_at_a_noise_level_equals_the_pipelines(folder, embeds):
    decoder = load_decoder(folder, noise_level=200)
    assert decoder.settings == {"noise_level": 200}
    config = GenerateConfig(num_inference_steps=3, guidance_scale=3.0, height=64, width=128)
    one, other = ours(decoder, embeds, config), theirs(folder, decoder.scheduler, embeds, config, noise_level=200)
    torch.testing.assert_close(one[1], other[1], rtol=0, atol=1e-5)
    plain = theirs(folder, decoder.scheduler, embeds, config)
    assert (plain[1] - other[1]).abs().max() > 1e-3, "the level matters"


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of diffusers, with numpy 2
def test_another_sampler_follows_the_velocity_too(folder, decoder, embeds):
    config = GenerateConfig(num_inference_steps=4, guidance_scale=3.0, sampler="euler")
    scheduler = EulerDiscreteScheduler.from_config(decoder.scheduler.config)
    one, other = ours(decoder, embeds, config), theirs(folder, scheduler, embeds, config)
    torch.testing.assert_close(one[1], other[1], rtol=0, atol=1e-5)


def test_the_condition_is_the_noised_embedding_with_its_level_and_the_empty_prompt(folder, embeds):
    decoder = load_decoder(folder, noise_level=40)
    pipe = pipeline(folder, decoder.scheduler)
    dim = embeds.shape[1]
    noise = torch.cat([torch.randn(1, dim, generator=each) for each in generators()])
    with torch.no_grad():
        expected = pipe.noise_image_embeddings(embeds, 40, noise)
        mean = pipe.noise_image_embeddings(embeds, 40, torch.zeros(3, dim))
        text, _ = pipe.encode_prompt([""] * 3, "cpu", 1, False)
    condition = decoder.condition(embeds, generators())
    assert condition["image"].shape == (3, 2 * dim) and condition["text"].shape == (3, LENGTH, WIDTH)
    torch.testing.assert_close(condition["image"], expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(condition["text"], text, rtol=0, atol=1e-6)
    torch.testing.assert_close(decoder.condition(embeds)["image"], mean, rtol=0, atol=1e-6)


def test_no_picture_is_a_condition_of_zeros_with_the_same_text(decoder, embeds):
    nothing = decoder.no_picture(embeds[0])
    condition = decoder.condition(torch.stack([embeds[0], nothing]), generators()[:2])
    assert not condition["image"][1].any() and condition["image"][0].any()
    assert torch.equal(condition["text"][0], condition["text"][1])


def test_encoded_pictures_are_the_means_in_the_unets_scale_and_come_back(folder, decoder):
    pipe = pipeline(folder, decoder.scheduler)
    pixels = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        mean = pipe.vae.encode(2 * pixels - 1).latent_dist.mean
        back = pipe.vae.decode(mean).sample / 2 + 0.5
    latents = decoder.encode(pixels)
    assert latents.shape == (2, 4, 8, 8) and decoder.scale_factor == 8 and decoder.resolution == 64
    torch.testing.assert_close(latents, mean * 0.18215, rtol=0, atol=1e-6)
    torch.testing.assert_close(decoder.decode(latents), back.clamp(0, 1), rtol=0, atol=1e-5)
    assert decoder.latent_shape(Size(64, 128)) == (4, 8, 16)
    with pytest.raises(InvalidSetting, match=r"This decoder draws multiples of 64\. The nearest is 64\."):
        decoder.latent_shape(Size.square(72))


def test_a_part_is_loaded_alone_joined_and_freed(folder, decoder):
    vae, unet = load_decoder(folder, parts=("autoencoder",)), load_decoder(folder, parts=("unet",))
    assert (vae.parts, unet.parts) == ({"autoencoder"}, {"unet"})
    for one in (vae, unet, decoder):
        assert isinstance(one, Decoder)
    with pytest.raises(StudioError, match=r"The decoder's unet was not loaded\."):
        _ = vae.unet
    whole = vae.joined(unet)
    assert whole.parts == {"unet", "autoencoder"} and whole.fingerprints == decoder.fingerprints
    assert whole.without("unet").parts == {"autoencoder"} and len(whole.without("unet").networks) == 1
    assert (unet.resolution, unet.scale_factor) == (64, 8)


def test_half_precision_is_of_the_networks_and_not_of_the_noise(folder, embeds):
    half, whole = load_decoder(folder, dtype=torch.bfloat16, noise_level=9), load_decoder(folder, noise_level=9)
    assert half.unet.dtype == half.vae.dtype == torch.bfloat16
    told = half.condition(embeds, generators())["image"]
    assert torch.equal(told, whole.condition(embeds, generators())["image"].bfloat16())
    assert half.decode(torch.zeros(1, 4, 8, 8)).dtype == torch.float32


def test_a_large_picture_is_decoded_in_tiles_if_asked(decoder, monkeypatch):
    monkeypatch.setattr("lambda_studio.models.decoders.tiles.TILE", 64)
    latents = torch.randn(1, 4, 8, 24, generator=torch.Generator().manual_seed(1))
    sizes, whole = [], decoder.vae.decode
    monkeypatch.setattr(decoder.vae, "decode", lambda one, **of: sizes.append(one.shape[-1]) or whole(one, **of))
    tiled = decoder.decode(latents, in_tiles=True)
    assert sizes == [8] * 4 and tiled.shape == (1, 3, 64, 192)
    assert F.mse_loss(tiled, decoder.decode(latents)) < 0.05
    assert torch.equal(decoder.decode(latents[..., :8], in_tiles=True), decoder.decode(latents[..., :8]))


@pytest.mark.parametrize("replaced", ["text_encoder", "image_normalizer"])
def test_the_unets_fingerprint_covers_its_condition(folder, decoder, tmp_path, replaced):
    copy = shutil.copytree(folder, tmp_path / "decoder")
    other = save_stable_unclip(tmp_path / "other", "h" if embeds_of(decoder) == DIMS["h"] else "l")
    file = next((copy / replaced).glob("*.safetensors"))
    weights = (other / replaced / file.name).read_bytes()
    file.write_bytes(weights[:-4] + b"\0\0\1?")  # another last number
    prints = load_decoder(copy).fingerprints
    assert prints["autoencoder"] == decoder.fingerprints["autoencoder"]
    assert prints["unet"] != decoder.fingerprints["unet"]


def embeds_of(decoder):
    return decoder.unet.config.projection_class_embeddings_input_dim // 2
