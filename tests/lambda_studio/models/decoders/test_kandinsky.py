"""The decoder against diffusers' own pipeline."""

import json
import shutil

import pytest
import torch
from diffusers import KandinskyV22Pipeline
from safetensors.torch import load_file, save_file

from lambda_studio.config import GenerateConfig
from lambda_studio.errors import InvalidSetting, ModelFilesInvalid, ModelFilesMissing, StudioError
from lambda_studio.models.decoders.kandinsky import load_decoder

FEW_STEPS = GenerateConfig(num_inference_steps=6)


@pytest.fixture(scope="module")
def decoder(decoder_folder):
    return load_decoder(decoder_folder)


@pytest.fixture
def embeds():
    return torch.randn(3, 32, generator=torch.Generator().manual_seed(7))


def pipeline_pixels(decoder, embeds, negative, seeds, config, side):
    pipeline = KandinskyV22Pipeline(unet=decoder.unet, movq=decoder.movq, scheduler=decoder.scheduler)
    pipeline.set_progress_bar_config(disable=True)
    pixels = pipeline(
        image_embeds=embeds,
        negative_image_embeds=negative.expand_as(embeds),
        height=side,
        width=side,
        num_inference_steps=config.num_inference_steps,
        guidance_scale=config.guidance_scale,
        generator=[torch.Generator().manual_seed(seed) for seed in seeds],
        output_type="pt",
    ).images
    return (pixels / 2 + 0.5).clamp(0, 1)  # the pipeline leaves tensors in -1..1


@pytest.mark.parametrize("guidance_scale", [7.5, 1.0])
def test_pictures_equal_those_of_diffusers_pipeline(decoder, embeds, guidance_scale):
    config = GenerateConfig(num_inference_steps=6, guidance_scale=guidance_scale)
    negative = torch.zeros(32)
    ours = decoder.sample(embeds, negative, [3, 4, 5], config)
    theirs = pipeline_pixels(decoder, embeds, negative, [3, 4, 5], config, 32)
    assert ours.shape == (3, 3, 32, 32)
    assert ours.std() > 0.01
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


def test_a_larger_picture_equals_the_pipelines(decoder, embeds):
    config = GenerateConfig(num_inference_steps=2, resolution=64)
    ours = decoder.sample(embeds[:1], torch.zeros(32), [9], config)
    theirs = pipeline_pixels(decoder, embeds[:1], torch.zeros(32), [9], config, 64)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


def test_a_picture_is_the_same_whatever_its_batch(decoder_folder, embeds):
    decoder = load_decoder(decoder_folder, dtype=torch.float64)  # so that only a wrong noise could make a difference
    together = decoder.sample(embeds, torch.zeros(32), [3, 4, 5], FEW_STEPS)
    alone = decoder.sample(embeds[1:2], torch.zeros(32), [4], FEW_STEPS)
    torch.testing.assert_close(together[1:2], alone, rtol=0, atol=1e-6)
    assert not torch.allclose(together[0], together[1], atol=1e-2)


def test_guidance_of_one_calls_the_unet_on_the_condition_only(decoder, embeds):
    sizes = []
    hook = decoder.unet.conv_in.register_forward_hook(lambda module, inputs, output: sizes.append(len(inputs[0])))
    decoder.sample(embeds, torch.zeros(32), [0, 1, 2], GenerateConfig(num_inference_steps=2, guidance_scale=1.0))
    decoder.sample(embeds, torch.zeros(32), [0, 1, 2], GenerateConfig(num_inference_steps=2, guidance_scale=2.0))
    hook.remove()
    assert sizes == [3, 3, 6, 6]


def test_every_step_is_reported(decoder, embeds):
    steps = []
    decoder.sample(embeds[:1], torch.zeros(32), [0], FEW_STEPS, lambda done, total: steps.append((done, total)))
    assert steps == [(step, 6) for step in range(1, 7)]


def test_the_scheduler_is_ddim_as_the_decoder_was_released(decoder):
    assert type(decoder.scheduler).__name__ == "DDIMScheduler"
    said = {key: decoder.scheduler.config[key] for key in ("clip_sample", "beta_start", "beta_end", "steps_offset")}
    assert said == {"clip_sample": False, "beta_start": 0.00085, "beta_end": 0.012, "steps_offset": 1}
    assert decoder.scheduler.config.set_alpha_to_one is False


def test_latents_are_movqs_own_unscaled(decoder):
    pixels = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        expected = decoder.movq.encode(2 * pixels - 1).latents
    latents = decoder.encode(pixels)
    assert torch.equal(latents, expected)
    assert latents.shape == (2, 4, 8, 8)
    assert decoder.scale_factor == 4
    assert decoder.resolution == 32


def test_decoded_pictures_stay_in_range(decoder):
    pixels = decoder.decode(20 * torch.randn(2, 4, 8, 8))
    assert pixels.shape == (2, 3, 32, 32)
    assert pixels.min() >= 0 and pixels.max() <= 1


def test_the_predicted_noise_lets_gradients_through(decoder, embeds):
    noisy_latents = torch.randn(3, 4, 8, 8, requires_grad=True)
    noise_pred = decoder.predict_noise(noisy_latents, torch.tensor([1, 500, 999]), embeds)
    assert noise_pred.shape == (3, 8, 8, 8)
    noise_pred.sum().backward()
    assert noisy_latents.grad.abs().sum() > 0


def test_sampled_pictures_and_latents_can_be_trained_on(decoder, embeds):
    weight = torch.ones(1, requires_grad=True)
    pixels = decoder.sample(embeds[:1], torch.zeros(32), [0], FEW_STEPS)
    (pixels * weight).sum().backward()
    (decoder.encode(pixels) * weight).sum().backward()


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (GenerateConfig(resolution=36), "The resolution is 36. This decoder draws multiples of 8."),
        (GenerateConfig(num_inference_steps=1000), "--steps is 1000. Give less than 1000."),
    ],
)
def test_what_cannot_be_drawn_is_refused(decoder, embeds, config, said):
    with pytest.raises(InvalidSetting) as error:
        decoder.sample(embeds, torch.zeros(32), [0, 1, 2], config)
    assert str(error.value) == said


def test_a_part_that_was_not_asked_for_is_not_loaded(decoder_folder, decoder):
    movq_only = load_decoder(decoder_folder, parts=("movq",))
    assert movq_only.parts == {"movq"}
    assert movq_only.fingerprints == {"movq": decoder.fingerprints["movq"]}
    with pytest.raises(StudioError, match=r"The decoder's unet was not loaded\."):
        movq_only.predict_noise(torch.zeros(1, 4, 8, 8), torch.tensor([0]), torch.zeros(1, 32))
    unet_only = load_decoder(decoder_folder, parts=("unet",))
    assert (unet_only.scale_factor, unet_only.resolution) == (4, 32)
    with pytest.raises(StudioError, match=r"The decoder's movq was not loaded\."):
        unet_only.decode(torch.zeros(1, 4, 8, 8))


def test_half_precision_is_loaded_as_asked(decoder_folder):
    half = load_decoder(decoder_folder, dtype=torch.bfloat16)
    assert {parameter.dtype for parameter in half.unet.parameters()} == {torch.bfloat16}
    pixels = half.sample(torch.randn(1, 32), torch.zeros(32), [0], FEW_STEPS)
    assert pixels.dtype == torch.float32


def test_missing_weights_are_said_with_the_other_routes(decoder_folder, tmp_path):
    shutil.copytree(decoder_folder, tmp_path / "decoder")
    (tmp_path / "decoder/movq/diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(ModelFilesMissing) as error:
        load_decoder(tmp_path / "decoder")
    assert "has no movq/diffusion_pytorch_model.safetensors" in error.value.cause
    assert "--stack miniature" in error.value.remedy and "FILE.toml" in error.value.remedy


def test_weights_that_do_not_fit_the_configuration_are_refused(decoder_folder, tmp_path):
    shutil.copytree(decoder_folder, tmp_path / "decoder")
    weights_file = tmp_path / "decoder/unet/diffusion_pytorch_model.safetensors"
    weights = load_file(weights_file)
    save_file({**weights, "conv_in.extra": torch.zeros(1)}, weights_file)
    with pytest.raises(ModelFilesInvalid, match=r"do not match its config\.json: conv_in\.extra \(1 in all\)"):
        load_decoder(tmp_path / "decoder")
    del weights["conv_in.bias"]
    save_file(weights, weights_file)
    with pytest.raises(ModelFilesInvalid, match=r"conv_in\.bias"):
        load_decoder(tmp_path / "decoder")
    config_file = tmp_path / "decoder/unet/config.json"
    config = json.loads(config_file.read_text())
    config_file.write_text(json.dumps({**config, "block_out_channels": [16, 64]}))
    with pytest.raises(ModelFilesInvalid, match="holds no UNet2DConditionModel"):
        load_decoder(tmp_path / "decoder")


def test_the_fingerprint_changes_with_weights_and_configuration_only(decoder_folder, decoder, tmp_path):
    shutil.copytree(decoder_folder, tmp_path / "copy")
    assert load_decoder(tmp_path / "copy").fingerprints == decoder.fingerprints
    weights = tmp_path / "copy/movq/diffusion_pytorch_model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(bytes(content))
    changed = load_decoder(tmp_path / "copy").fingerprints
    assert changed["unet"] == decoder.fingerprints["unet"]
    assert changed["movq"] != decoder.fingerprints["movq"]
