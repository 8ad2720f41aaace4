"""Karlo against diffusers' pipeline, with its enlarging."""

import shutil
from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler

from lambda_studio.config import GenerateConfig, Size
from lambda_studio.errors import InvalidSetting, StudioError
from lambda_studio.generation.samplers import sample
from lambda_studio.models.decoders.protocol import Decoder
from lambda_studio.models.decoders.unclip.karlo import load_decoder
from lambda_studio.settings.drawing import SAMPLERS
from tests.lambda_studio.models.decoders.unclip.small import DIMS, karlo_pipeline, save_karlo

DIM, SEEDS = DIMS["l"], [3, 4, 5]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_karlo(tmp_path_factory.mktemp("models") / "karlo")


@pytest.fixture(scope="module")
def decoder(folder):
    return load_decoder(folder)


@pytest.fixture
def embeds():
    return torch.randn(3, DIM, generator=torch.Generator().manual_seed(7))


def generators():
    return [torch.Generator().manual_seed(seed) for seed in SEEDS]


class Deterministic(DDIMScheduler):
    """DDIM for a pipeline that gives schedulers the timestep before, and the variance with the noise."""

    def step(self, output, timestep, sample, prev_timestep, generator):
        return super().step(output[:, : sample.shape[1]], timestep, sample)


def theirs(folder, embeds, config, scheduler=None, steps=7, dtype=torch.float32, latents=False):
    """The latents, enlarged smoothly, and the pictures of diffusers' pipeline.

    With `latents`, the pipeline is given the same first noise, and draws the enlarging's noise from the seed's start.
    """
    pipe, seen = karlo_pipeline(folder), []
    for network in (pipe.decoder, pipe.text_proj, pipe.text_encoder, pipe.super_res_first, pipe.super_res_last):
        torch.nn.Module.to(network, dtype)  # diffusers' own `to` warns
    noise = torch.cat([torch.randn(1, 3, 8, 8, generator=each) for each in generators()]).to(dtype)
    pipe.decoder_scheduler = scheduler or pipe.decoder_scheduler
    first = pipe.super_res_first
    first.register_forward_pre_hook(
        lambda network, inputs, named: seen.append(named["sample"][:, 3:].clone()), with_kwargs=True
    )
    pictures = pipe(
        image_embeddings=embeds.to(dtype), decoder_latents=noise if latents else None, generator=generators(),
        decoder_num_inference_steps=config.num_inference_steps, super_res_num_inference_steps=steps,
        decoder_guidance_scale=config.guidance_scale, output_type="np",
    ).images  # fmt: skip
    return seen[0], torch.from_numpy(pictures).permute(0, 3, 1, 2)


def ours(decoder, embeds, config):
    """The latents, enlarged smoothly, and the pictures that `sample` makes."""
    seen = []
    hook = decoder.networks[2].register_forward_pre_hook(lambda network, inputs: seen.append(inputs[0][:, 3:].clone()))
    pixels = sample(decoder, embeds, decoder.no_picture(torch.ones(DIM)), SEEDS, config)
    hook.remove()
    return torch.cat(seen[:: len(seen) // len(embeds)]), pixels


@pytest.mark.parametrize("guidance_scale", [4.0, 1.0])
def test_ddpm_is_the_pipelines_own_sampler_with_the_learned_variance(folder, decoder, embeds, guidance_scale):
    config = GenerateConfig(num_inference_steps=5, guidance_scale=guidance_scale, sampler="ddpm")
    for one, other in zip(ours(decoder, embeds, config), theirs(folder, embeds, config), strict=True):
        assert one.shape == (3, 3, 32, 32) and other.std() > 0.1
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("guidance_scale", "dtype"), [(1.0, torch.float32), (4.0, torch.float64)])
def test_ddim_equals_the_pipeline_with_diffusers_ddim(folder, embeds, guidance_scale, dtype):
    """The first step divides by √ᾱ = 5e-5: with guidance, float32's rounding becomes 6e-5 in this random network."""
    decoder = load_decoder(folder, dtype=dtype)
    config = GenerateConfig(num_inference_steps=5, guidance_scale=guidance_scale)
    scheduler = Deterministic.from_config(decoder.scheduler.config)
    small, expected = (
        ours(decoder, embeds, config)[0],
        theirs(folder, embeds, config, scheduler, dtype=dtype, latents=True)[0],
    )
    torch.testing.assert_close(small, expected, rtol=0, atol=1e-5)


def test_the_enlarging_equals_the_pipelines_for_the_same_small_picture(folder, decoder, embeds):
    small: list[torch.Tensor] = []

    class Kept(Deterministic):
        def step(self, *inputs, **named):
            stepped = super().step(*inputs, **named)
            small.append(stepped.prev_sample)
            return stepped

    config = GenerateConfig(num_inference_steps=2, guidance_scale=1.0)
    pictures = theirs(folder, embeds, config, Kept.from_config(decoder.scheduler.config), latents=True)[1]
    assert pictures.std() > 0.05
    torch.testing.assert_close(decoder.decode(small[-1], generators=generators()), pictures, rtol=0, atol=1e-5)


def test_the_steps_of_the_enlarging_are_a_setting(folder, embeds):
    decoder = load_decoder(folder, super_res_steps=3)
    assert decoder.settings == {"super_res_steps": 3}
    config = GenerateConfig(num_inference_steps=2, guidance_scale=2.0, sampler="ddpm")
    one, other = ours(decoder, embeds, config), theirs(folder, embeds, config, steps=3)
    torch.testing.assert_close(one[1], other[1], rtol=0, atol=1e-5)


def test_the_schedule_is_the_released_one(folder, decoder):
    released = karlo_pipeline(folder).decoder_scheduler
    assert torch.equal(decoder.scheduler.alphas_cumprod, released.alphas_cumprod)
    said = {name: decoder.scheduler.config[name] for name in ("prediction_type", "clip_sample", "clip_sample_range")}
    assert said == {"prediction_type": "epsilon", "clip_sample": True, "clip_sample_range": 1.0}


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of diffusers, with numpy 2
@pytest.mark.parametrize("name", SAMPLERS)
def test_each_sampler_draws_and_limits_the_picture_where_its_scheduler_can(decoder, embeds, name, monkeypatch):
    config = GenerateConfig(num_inference_steps=6, guidance_scale=4.0, sampler=name)
    seen, whole = [], decoder.decode
    monkeypatch.setattr(decoder, "decode", lambda latents, *rest: seen.append(latents) or whole(latents, *rest))
    first, again = (sample(decoder, embeds, torch.zeros(DIM), SEEDS, config) for _ in range(2))
    assert first.isfinite().all() and first.std() > 0.05
    if name != "euler":
        assert seen[0].abs().max() < 1 + 1e-4
    assert torch.equal(first, again), "the noise is the seed's, also that of the enlarging"


def test_ddpm_with_one_step_is_refused(decoder, embeds):
    config = GenerateConfig(num_inference_steps=1, sampler="ddpm")
    with pytest.raises(InvalidSetting, match=r"num_inference_steps is 1\. This decoder's ddpm takes 2 or more\."):
        sample(decoder, embeds, torch.zeros(DIM), SEEDS, config)


def test_the_condition_is_the_text_projections_where_text_is_not_masked(folder, decoder, embeds):
    pipe = karlo_pipeline(folder)
    with torch.no_grad():
        pooled, states, mask = pipe._encode_prompt([""] * 3, "cpu", 1, True)
        states, embedding = pipe.text_proj(
            image_embeddings=embeds,
            prompt_embeds=pooled,
            text_encoder_hidden_states=states,
            do_classifier_free_guidance=True,
        )
    assert mask.sum() == 6 * 2, "an empty prompt has a start and an end"
    nothing = decoder.no_picture(embeds[0]).expand(3, -1)
    condition: Any = decoder.condition(torch.cat([nothing, embeds]))
    assert condition.keys() == {"encoder_hidden_states", "class_labels"}
    torch.testing.assert_close(condition["encoder_hidden_states"], states[:, :6], rtol=0, atol=1e-5)
    torch.testing.assert_close(condition["class_labels"], embedding, rtol=0, atol=1e-5)


def test_latents_are_small_pictures_and_are_enlarged(decoder):
    pixels = torch.rand(2, 3, 32, 64, generator=torch.Generator().manual_seed(1))
    latents = decoder.encode(pixels)
    assert latents.shape == (2, 3, 8, 16) and (decoder.scale_factor, decoder.resolution) == (4, 32)
    torch.testing.assert_close(latents[0, 1, 0, 0], 2 * pixels[0, 1, :4, :4].mean() - 1)
    larger = decoder.decode(latents)
    assert larger.shape == (2, 3, 32, 64) and larger.min() >= 0 and larger.max() <= 1
    assert torch.equal(larger, decoder.decode(latents, in_tiles=True)), "tiles are not known here"
    torch.testing.assert_close(larger[1:], decoder.decode(latents[1:]), rtol=0, atol=1e-5)
    assert decoder.latent_shape(Size(32, 64)) == (3, 8, 16)
    with pytest.raises(InvalidSetting, match=r"This decoder draws multiples of 8\. The nearest is 32\."):
        decoder.latent_shape(Size.square(33))


def test_the_noise_is_predicted_without_its_variance_unless_asked(decoder, embeds):
    latents, timesteps, condition = torch.randn(3, 3, 8, 8), torch.tensor([1, 500, 999]), decoder.condition(embeds)
    noise = decoder.denoise(latents, timesteps, condition)
    both = decoder.denoise(latents, timesteps, condition, variance=True)
    assert noise.shape == (3, 3, 8, 8) and both.shape == (3, 6, 8, 8)
    assert torch.equal(noise, both[:, :3])


def test_a_part_is_loaded_alone_joined_and_freed(folder, decoder):
    enlargers, unet = load_decoder(folder, parts=("autoencoder",)), load_decoder(folder, parts=("unet",))
    assert (enlargers.parts, unet.parts) == ({"autoencoder"}, {"unet"})
    for one in (enlargers, unet, decoder):
        assert isinstance(one, Decoder)
    with pytest.raises(StudioError, match=r"The decoder's unet was not loaded\."):
        _ = enlargers.unet
    with pytest.raises(StudioError, match=r"The decoder's autoencoder was not loaded\."):
        unet.decode(torch.zeros(1, 3, 8, 8))
    assert torch.equal(enlargers.encode(torch.ones(1, 3, 32, 32)), torch.ones(1, 3, 8, 8)), "no network is needed"
    whole = enlargers.joined(unet)
    assert whole.parts == {"unet", "autoencoder"} and whole.fingerprints == decoder.fingerprints
    assert whole.without("unet").parts == {"autoencoder"} and len(whole.without("unet").networks) == 2


def test_half_precision_is_of_all_networks(folder, embeds):
    half = load_decoder(folder, dtype=torch.bfloat16)
    assert {parameter.dtype for network in half.networks for parameter in network.parameters()} == {torch.bfloat16}
    assert {tensor.dtype for tensor in half.condition(embeds).values()} == {torch.bfloat16}
    pixels = sample(half, embeds, half.no_picture(embeds[0]), SEEDS, GenerateConfig(num_inference_steps=2))
    assert pixels.dtype == torch.float32 and pixels.isfinite().all()


@pytest.mark.parametrize("replaced", ["text_encoder", "text_proj"])
def test_the_unets_fingerprint_covers_its_condition(folder, decoder, tmp_path, replaced):
    copy = shutil.copytree(folder, tmp_path / "decoder")
    file = next((copy / replaced).glob("*.safetensors"))
    file.write_bytes(file.read_bytes()[:-4] + b"\0\0\1?")  # another last number
    prints = load_decoder(copy).fingerprints
    assert prints["autoencoder"] == decoder.fingerprints["autoencoder"]
    assert prints["unet"] != decoder.fingerprints["unet"]
