"""The decoder against diffusers' own pipeline."""

import shutil

import pytest
import torch

from lambda_studio.config import GenerateConfig, Size
from lambda_studio.errors import ModelFilesMissing, StudioError
from lambda_studio.models.decoders.kandinsky import load_decoder
from tests.conftest import MOVQ_CONFIG, UNET_CONFIG

FEW_STEPS = GenerateConfig(num_inference_steps=6)


@pytest.fixture(scope="module")
def decoder(decoder_folder):
    return load_decoder(decoder_folder)


@pytest.fixture
def embeds():
    return torch.randn(3, 32, generator=torch.Generator().manual_seed(7))


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


def test_a_part_that_was_not_asked_for_is_not_loaded(decoder_folder, decoder):
    movq_only = load_decoder(decoder_folder, parts=("autoencoder",))
    assert movq_only.parts == {"autoencoder"}
    assert movq_only.fingerprints == {"autoencoder": decoder.fingerprints["autoencoder"]}
    with pytest.raises(StudioError, match=r"The decoder's unet was not loaded\."):
        movq_only.predict_noise(torch.zeros(1, 4, 8, 8), torch.tensor([0]), torch.zeros(1, 32))
    unet_only = load_decoder(decoder_folder, parts=("unet",))
    assert (unet_only.scale_factor, unet_only.resolution) == (4, 32)
    with pytest.raises(StudioError, match=r"The decoder's autoencoder was not loaded\."):
        unet_only.decode(torch.zeros(1, 4, 8, 8))


def test_half_precision_is_loaded_as_asked(decoder_folder):
    half = load_decoder(decoder_folder, dtype=torch.bfloat16)
    assert {parameter.dtype for parameter in half.unet.parameters()} == {torch.bfloat16}
    assert half.decode(torch.randn(1, 4, 8, 8)).dtype == torch.float32


def test_missing_weights_are_said_with_the_other_routes(decoder_folder, tmp_path):
    shutil.copytree(decoder_folder, tmp_path / "decoder")
    (tmp_path / "decoder/movq/diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(ModelFilesMissing) as error:
        load_decoder(tmp_path / "decoder")
    assert "has no movq/diffusion_pytorch_model.safetensors" in error.value.cause
    assert "stack=miniature" in error.value.remedy and "FILE.toml" in error.value.remedy


def test_pictures_are_decoded_one_by_one_and_equal_those_decoded_together(decoder, monkeypatch):
    latents = torch.randn(3, 4, 8, 8, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        together = decoder.movq.decode(latents, force_not_quantize=True).sample / 2 + 0.5
    sizes, whole = [], decoder.movq.decode

    def decode(one, **settings):
        sizes.append(len(one))
        return whole(one, **settings)

    monkeypatch.setattr(decoder.movq, "decode", decode)
    torch.testing.assert_close(decoder.decode(latents), together.clamp(0, 1), rtol=0, atol=1e-5)
    assert sizes == [1, 1, 1]


def test_latents_may_have_another_number_of_channels(tmp_path, embeds):
    from diffusers import DDPMScheduler, KandinskyV22Pipeline, UNet2DConditionModel, VQModel

    torch.manual_seed(0)
    unet = UNet2DConditionModel(**{**UNET_CONFIG, "in_channels": 6, "out_channels": 12})
    movq = VQModel(**{**MOVQ_CONFIG, "latent_channels": 6, "vq_embed_dim": 6})
    KandinskyV22Pipeline(unet=unet, movq=movq, scheduler=DDPMScheduler()).save_pretrained(tmp_path)
    decoder = load_decoder(tmp_path)
    shape = decoder.latent_shape(Size.square(32))
    latents = decoder.encode(torch.rand(2, 3, 32, 32))
    assert shape == (6, 8, 8) == latents.shape[1:]
    noise = decoder.denoise(latents, torch.tensor([3, 4]), decoder.condition(embeds[:2]))
    assert noise.shape == latents.shape and decoder.decode(latents).shape == (2, 3, 32, 32)
