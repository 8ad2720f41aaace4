"""Sampling against diffusers' own pipeline."""

from dataclasses import replace

import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    KandinskyV22Pipeline,
    LCMScheduler,
    UniPCMultistepScheduler,
)

from lambda_studio.config import GenerateConfig
from lambda_studio.errors import InvalidSetting
from lambda_studio.generation.samplers import ddim, ddim_schedule, sample, schedule_of, seeded_noise, walk
from lambda_studio.models.decoders.kandinsky import load_decoder
from lambda_studio.settings.drawing import SAMPLERS

FEW_STEPS = GenerateConfig(num_inference_steps=6)


@pytest.fixture(scope="module")
def decoder(decoder_folder):
    return load_decoder(decoder_folder)


@pytest.fixture
def embeds():
    return torch.randn(3, 32, generator=torch.Generator().manual_seed(7))


def pipeline_pixels(decoder, embeds, negative, seeds, config, height, width, scheduler=None):
    scheduler = scheduler or decoder.scheduler
    pipeline = KandinskyV22Pipeline(unet=decoder.unet, movq=decoder.movq, scheduler=scheduler)
    pipeline.set_progress_bar_config(disable=True)
    latents = pipeline(
        image_embeds=embeds,
        negative_image_embeds=negative.expand_as(embeds),
        height=height,
        width=width,
        num_inference_steps=config.num_inference_steps,
        guidance_scale=config.guidance_scale,
        generator=[torch.Generator().manual_seed(seed) for seed in seeds],
        output_type="latent",
    ).images
    with torch.no_grad():  # as the pipeline decodes, but one by one: a batch rounds differently
        pixels = torch.cat([decoder.movq.decode(one, force_not_quantize=True).sample for one in latents.split(1)])
    return (pixels / 2 + 0.5).clamp(0, 1)


@pytest.mark.parametrize("guidance_scale", [7.5, 1.0])
def test_pictures_equal_those_of_diffusers_pipeline(decoder, embeds, guidance_scale):
    config = GenerateConfig(num_inference_steps=6, guidance_scale=guidance_scale)
    negative = torch.zeros(32)
    ours = sample(decoder, embeds, negative, [3, 4, 5], config)
    theirs = pipeline_pixels(decoder, embeds, negative, [3, 4, 5], config, 32, 32)
    assert ours.shape == (3, 3, 32, 32)
    assert ours.std() > 0.01
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


class Unseeded(UniPCMultistepScheduler):
    """UniPC for a pipeline that gives every scheduler generators."""

    def step(self, *inputs, generator, return_dict=True):
        return super().step(*inputs, return_dict=return_dict)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of diffusers, with numpy 2
@pytest.mark.parametrize("name", ["ddpm", "dpm++2m", "unipc", "lcm"])
def test_each_sampler_equals_the_pipeline_with_diffusers_scheduler(decoder, embeds, name):
    config = GenerateConfig(num_inference_steps=6, guidance_scale=3.0, sampler=name)
    scheduler = {
        "ddpm": DDPMScheduler,
        "dpm++2m": DPMSolverMultistepScheduler,
        "unipc": Unseeded,
        "lcm": LCMScheduler,
    }[name].from_config(decoder.scheduler.config)
    ours = sample(decoder, embeds, torch.zeros(32), [3, 4, 5], config)
    theirs = pipeline_pixels(decoder, embeds, torch.zeros(32), [3, 4, 5], config, 32, 32, scheduler)
    assert ours.std() > 0.01
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


def test_lcm_takes_a_part_of_fifty_steps_and_its_whole_if_asked(decoder):
    assert len(schedule_of(decoder.scheduler, GenerateConfig(num_inference_steps=50, sampler="lcm")).timesteps) == 50
    with pytest.raises(InvalidSetting, match=r"num_inference_steps is 51\. lcm takes up to 50; 4 to 8 are usual"):
        GenerateConfig(num_inference_steps=51, sampler="lcm")


def test_euler_is_the_euler_method_on_the_probability_flow(decoder):
    """Karras et al. (2022), Eq. 1 with s(t) = 1: dx/dσ is the predicted noise."""
    released = DDIMScheduler.from_config(decoder.scheduler.config, timestep_spacing="leading")  # as Kandinsky 2.2's
    scheduler = schedule_of(released, GenerateConfig(num_inference_steps=5, sampler="euler"))
    asked = []

    def denoise(latents, timestep):
        asked.append(int(timestep))
        return torch.sin(3 * latents) + timestep / 1000

    start = seeded_noise(1, (2, 4, 8, 8))
    ours = walk(denoise, scheduler, start, [torch.Generator().manual_seed(seed) for seed in (1, 2)])
    alphas = decoder.scheduler.alphas_cumprod
    sigmas = [float(((1 - alphas[t]) / alphas[t]) ** 0.5) for t in asked]
    assert len(asked) == 5 and asked == sorted(asked, reverse=True)
    x = start * (max(sigmas) ** 2 + 1) ** 0.5
    for t, sigma, following in zip(asked[:5], sigmas, [*sigmas[1:], 0.0], strict=True):
        x = x + (following - sigma) * (torch.sin(3 * x / (sigma**2 + 1) ** 0.5) + t / 1000)
    torch.testing.assert_close(ours, x, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_sampler_draws_a_picture_alike_whatever_its_batch(decoder_folder, embeds, name):
    decoder = load_decoder(decoder_folder, dtype=torch.float64)
    config = GenerateConfig(num_inference_steps=4, sampler=name)
    together = sample(decoder, embeds, torch.zeros(3, 32), [3, 4, 5], config)
    torch.testing.assert_close(
        together[1:2], sample(decoder, embeds[1:2], torch.zeros(32), [4], config), rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name != "lcm"])
def test_more_steps_than_the_schedule_has_are_refused_by_each(decoder, embeds, name):
    with pytest.raises(InvalidSetting, match=r"num_inference_steps is 1000\. Give less than 1000\."):
        sample(decoder, embeds, torch.zeros(32), [0, 1, 2], GenerateConfig(num_inference_steps=1000, sampler=name))


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("guidance_scale", [1.0, 4.0])
def test_pictures_of_reused_features_do_not_depend_on_their_batch(decoder_folder, embeds, name, guidance_scale):
    decoder, ran = load_decoder(decoder_folder, dtype=torch.float64), []
    decoder.unet.mid_block.register_forward_hook(lambda *_: ran.append(1))
    plain = GenerateConfig(num_inference_steps=6, sampler=name, guidance_scale=guidance_scale)
    config = replace(plain, deep_cache_interval=3)
    together = sample(decoder, embeds, torch.zeros(3, 32), [3, 4, 5], config)
    assert len(ran) == 3, "the first call, the last but one, and the third before that"
    alone = sample(decoder, embeds[1:2], torch.zeros(32), [4], config)
    torch.testing.assert_close(together[1:2], alone, rtol=0, atol=1e-5)
    whole = sample(decoder, embeds, torch.zeros(3, 32), [3, 4, 5], plain)
    assert not torch.equal(together, whole)
    assert torch.equal(
        whole, sample(decoder, embeds, torch.zeros(3, 32), [3, 4, 5], replace(config, deep_cache_interval=1))
    )


def test_a_stop_between_whole_steps_leaves_the_decoder_as_it_was(decoder, embeds):
    def stop(done, total):
        if done == 3:
            raise KeyboardInterrupt

    whole = sample(decoder, embeds, torch.zeros(32), [3, 4, 5], FEW_STEPS)
    with pytest.raises(KeyboardInterrupt):
        sample(decoder, embeds, torch.zeros(32), [3, 4, 5], replace(FEW_STEPS, deep_cache_interval=4), stop)
    assert torch.equal(whole, sample(decoder, embeds, torch.zeros(32), [3, 4, 5], FEW_STEPS))


def test_each_picture_is_guided_away_from_its_own_embedding(decoder, embeds):
    away = torch.randn(3, 32, generator=torch.Generator().manual_seed(8))
    config = GenerateConfig(num_inference_steps=3)
    together = sample(decoder, embeds, away, [3, 4, 5], config)
    for at in range(3):
        alone = sample(decoder, embeds[at : at + 1], away[at], [3 + at], config)
        torch.testing.assert_close(together[at : at + 1], alone, rtol=1e-3, atol=1e-3)
    assert not torch.allclose(together, sample(decoder, embeds, torch.zeros(32), [3, 4, 5], config), atol=1e-2)


def test_a_larger_picture_equals_the_pipelines(decoder, embeds):
    config = GenerateConfig(num_inference_steps=2, resolution=64)
    ours = sample(decoder, embeds[:1], torch.zeros(32), [9], config)
    theirs = pipeline_pixels(decoder, embeds[:1], torch.zeros(32), [9], config, 64, 64)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


def test_a_wide_picture_equals_the_pipelines(decoder, embeds):
    config = GenerateConfig(num_inference_steps=2, height=32, width=64)
    ours = sample(decoder, embeds[:1], torch.zeros(32), [9], config)
    assert ours.shape == (1, 3, 32, 64)
    theirs = pipeline_pixels(decoder, embeds[:1], torch.zeros(32), [9], config, 32, 64)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


def test_a_picture_is_the_same_whatever_its_batch(decoder_folder, embeds):
    decoder = load_decoder(decoder_folder, dtype=torch.float64)  # so that only a wrong noise could make a difference
    together = sample(decoder, embeds, torch.zeros(32), [3, 4, 5], FEW_STEPS)
    alone = sample(decoder, embeds[1:2], torch.zeros(32), [4], FEW_STEPS)
    torch.testing.assert_close(together[1:2], alone, rtol=0, atol=1e-6)
    assert not torch.allclose(together[0], together[1], atol=1e-2)


def test_guidance_of_one_calls_the_unet_on_the_condition_only(decoder, embeds):
    sizes = []
    hook = decoder.unet.conv_in.register_forward_hook(lambda module, inputs, output: sizes.append(len(inputs[0])))
    sample(decoder, embeds, torch.zeros(32), [0, 1, 2], GenerateConfig(num_inference_steps=2, guidance_scale=1.0))
    sample(decoder, embeds, torch.zeros(32), [0, 1, 2], GenerateConfig(num_inference_steps=2, guidance_scale=2.0))
    hook.remove()
    assert sizes == [3, 3, 6, 6]


def test_every_step_is_reported(decoder, embeds):
    steps = []
    sample(decoder, embeds[:1], torch.zeros(32), [0], FEW_STEPS, lambda done, total: steps.append((done, total)))
    assert steps == [(step, 6) for step in range(1, 7)]


def test_sampled_pictures_and_latents_can_be_trained_on(decoder, embeds):
    weight = torch.ones(1, requires_grad=True)
    pixels = sample(decoder, embeds[:1], torch.zeros(32), [0], FEW_STEPS)
    (pixels * weight).sum().backward()
    (decoder.encode(pixels) * weight).sum().backward()


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (
            GenerateConfig(resolution=36),
            "Pictures of 36 pixels cannot be drawn. This decoder draws multiples of 8. The nearest is 32.",
        ),
        (
            GenerateConfig(width=44, height=4),
            "Pictures of 44x4 pixels cannot be drawn. This decoder draws multiples of 8. The nearest is 48x8.",
        ),
        (
            GenerateConfig(width=33),
            "Pictures of 33x32 pixels cannot be drawn. This decoder draws multiples of 8. The nearest is 32.",
        ),
        (GenerateConfig(num_inference_steps=1000), "num_inference_steps is 1000. Give less than 1000."),
    ],
)
def test_what_cannot_be_drawn_is_refused(decoder, embeds, config, said):
    with pytest.raises(InvalidSetting) as error:
        sample(decoder, embeds, torch.zeros(32), [0, 1, 2], config)
    assert str(error.value) == said


def test_ddim_takes_the_picture_that_the_noise_is_said_to_hide(decoder):
    """Song et al. 2020, Eq. 12: where all is predicted rightly, every step lands on the noisy picture of its time."""
    schedule = ddim_schedule(decoder.scheduler, 10)
    timesteps, alphas = schedule.timesteps.tolist(), schedule.alphas_cumprod.double()
    picture, noise = (seeded_noise(seed, (1, 4, 2, 2)).double() for seed in (1, 2))
    start = alphas[timesteps[4]].sqrt() * picture + (1 - alphas[timesteps[4]]).sqrt() * noise
    seen = []
    last = ddim(lambda latents, timestep: seen.append(int(timestep)) or noise, schedule, start, timesteps[4:])
    assert seen == timesteps[4:], "it may begin part of the way"
    end = schedule.final_alpha_cumprod.double()
    torch.testing.assert_close(last, end.sqrt() * picture + (1 - end).sqrt() * noise)


def test_the_decoders_own_scheduler_is_left_alone(decoder):
    before = decoder.scheduler.timesteps.clone()
    schedule = ddim_schedule(decoder.scheduler, 7)
    assert len(schedule.timesteps) == 7 and schedule.config.clip_sample is False
    assert torch.equal(decoder.scheduler.timesteps, before)
