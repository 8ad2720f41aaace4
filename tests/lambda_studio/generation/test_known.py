"""Drawing from a photograph, with a mask and with a depth map, against diffusers' own pipelines."""

import numpy as np
import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    KandinskyV22ControlnetImg2ImgPipeline,
    KandinskyV22ControlnetPipeline,
    KandinskyV22Img2ImgPipeline,
    KandinskyV22InpaintPipeline,
    LCMScheduler,
    UNet2DConditionModel,
    VQModel,
)
from PIL import Image

from lambda_studio.config import GenerateConfig
from lambda_studio.errors import InvalidSetting
from lambda_studio.generation.inputs import Batch, PictureInputs
from lambda_studio.generation.samplers import sample_batch, sample_latents
from lambda_studio.models.decoders.kandinsky import KandinskyDecoder, load_decoder
from tests.conftest import MOVQ_CONFIG, UNET_CONFIG

SEEDS = [3, 4]
NO_PICTURE = torch.zeros(32)


class Exact(KandinskyDecoder):
    """In float64, where two orders of the same sums agree: random networks multiply rounding by a thousand."""

    def encode(self, pixels):
        with torch.no_grad():
            return self.movq.encode((2 * pixels - 1).to(self.movq.dtype)).latents


@pytest.fixture(scope="module")
def decoder(decoder_folder):
    loaded = load_decoder(decoder_folder, dtype=torch.float64)
    return Exact(loaded.unet, loaded.movq, loaded.scheduler)


def of_kind(decoder, **changes) -> KandinskyDecoder:
    """Return a decoder with another UNet, and the hint's scale of 8 pixels for each latent."""
    torch.manual_seed(1)
    unet = UNet2DConditionModel(**{**UNET_CONFIG, **changes})
    movq = decoder.movq
    if "addition_embed_type" in changes:
        blocks = {
            name: (MOVQ_CONFIG[name][0], *MOVQ_CONFIG[name]) for name in ("block_out_channels", "down_block_types")
        }
        up = (*MOVQ_CONFIG["up_block_types"], "UpDecoderBlock2D")
        movq = VQModel(**{**MOVQ_CONFIG, **blocks, "up_block_types": up})
    return Exact(unet.double().eval(), movq.double().eval(), decoder.scheduler)


@pytest.fixture(scope="module")
def inpainting(decoder):
    return of_kind(decoder, in_channels=9)


@pytest.fixture(scope="module")
def controlled(decoder):
    return of_kind(decoder, in_channels=8, addition_embed_type="image_hint")


def photograph(side: int) -> np.ndarray:
    noise = torch.rand(side // 4, side // 4, 3, generator=torch.Generator().manual_seed(5)).numpy()
    return np.asarray(Image.fromarray((255 * noise).astype(np.uint8)).resize((side, side), Image.Resampling.BICUBIC))


def image(side: int = 32) -> torch.Tensor:
    return torch.from_numpy(photograph(side).copy()).permute(2, 0, 1) / 255


def mask(side: int = 32) -> torch.Tensor:
    white = torch.zeros(side, side)
    white[6 : side - 9, 5 : side - 3] = 1
    white[side - 7 : side - 2, 3:8] = 1
    return white


@pytest.fixture
def batch():
    def made(**pictures):
        embeds = torch.randn(2, 32, generator=torch.Generator().manual_seed(7))
        return Batch(embeds, NO_PICTURE, SEEDS, PictureInputs(**pictures))

    return made


def ours(decoder, batch, config):
    """Return the pixels before the photograph's are put around them."""
    latents = sample_latents(decoder, batch, config, [torch.Generator().manual_seed(seed) for seed in SEEDS])
    pixels = decoder.decode(latents)
    assert pixels.std() > 0.01
    return pixels


def theirs(kind, decoder, batch, config, scheduler=None, **pictures):
    """Return the pipeline's pixels, decoded one by one: a batch rounds differently."""
    pipeline = kind(unet=decoder.unet, movq=decoder.movq, scheduler=scheduler or decoder.scheduler)
    pipeline.set_progress_bar_config(disable=True)
    side, seen = 8 * decoder.scale_factor, []
    decode = decoder.movq.decode

    def noise(shape, generator, device, dtype):
        return torch.cat([torch.randn(1, *shape[1:], generator=each) for each in generator]).to(dtype)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"{kind.__module__}.randn_tensor", noise)
        patch.setattr(decoder.movq, "decode", lambda latents, **more: seen.append(latents) or decode(latents, **more))
        pipeline(
            image_embeds=batch.image_embeds.double(),
            negative_image_embeds=NO_PICTURE.expand_as(batch.image_embeds),
            height=side,
            width=side,
            num_inference_steps=config.num_inference_steps,
            guidance_scale=config.guidance_scale,
            generator=[torch.Generator().manual_seed(seed) for seed in SEEDS],
            output_type="pt",
            **pictures,
        )
    return decoder.decode(seen[0])


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of diffusers, with numpy 2
@pytest.mark.parametrize("sampler", ["ddim", "ddpm", "dpm++2m", "lcm"])
@pytest.mark.parametrize("strength", [0.35, 1.0])
def test_a_photograph_is_drawn_over_as_by_diffusers_image_to_image_pipeline(decoder, batch, sampler, strength):
    kinds = {"ddim": DDIMScheduler, "ddpm": DDPMScheduler, "dpm++2m": DPMSolverMultistepScheduler, "lcm": LCMScheduler}
    config = GenerateConfig(num_inference_steps=6, guidance_scale=3.0, sampler=sampler, strength=strength)
    given = batch(image=image())
    other = theirs(
        KandinskyV22Img2ImgPipeline, decoder, given, config, kinds[sampler].from_config(decoder.scheduler.config),
        image=[image()[None]] * 2, strength=strength,
    )  # fmt: skip
    torch.testing.assert_close(ours(decoder, given, config), other, rtol=0, atol=1e-5)


@pytest.mark.parametrize("guidance_scale", [1.0, 3.0])
def test_an_inpainting_decoder_draws_as_diffusers_pipeline(inpainting, batch, guidance_scale):
    """White is drawn anew, as in diffusers since 0.19."""
    config = GenerateConfig(num_inference_steps=5, guidance_scale=guidance_scale, strength=1.0)
    given = batch(image=image(), mask=mask())
    other = theirs(
        KandinskyV22InpaintPipeline, inpainting, given, config,
        image=(2 * image()[None] - 1).expand(2, -1, -1, -1),
        mask_image=mask().clone()[None, None].expand(2, -1, -1, -1).clone(),
    )  # fmt: skip
    torch.testing.assert_close(ours(inpainting, given, config), other, rtol=0, atol=1e-5)


def test_a_controlnet_draws_as_diffusers_pipelines_with_and_without_a_photograph(controlled, batch):
    side = 64
    hint = image(side)[0]
    config = GenerateConfig(num_inference_steps=5, guidance_scale=3.0)
    given = batch(depth=hint)
    rows = hint.expand(2, 3, -1, -1)
    other = theirs(KandinskyV22ControlnetPipeline, controlled, given, config, hint=rows)
    torch.testing.assert_close(ours(controlled, given, config), other, rtol=0, atol=1e-5)
    over = GenerateConfig(num_inference_steps=5, guidance_scale=3.0, strength=0.6)
    both = batch(depth=hint, image=image(side))
    other = theirs(
        KandinskyV22ControlnetImg2ImgPipeline, controlled, both, over, hint=rows,
        image=[image(side)[None]] * 2, strength=0.6,
    )  # fmt: skip
    torch.testing.assert_close(ours(controlled, both, over), other, rtol=0, atol=1e-5)


@pytest.mark.parametrize("sampler", ["ddim", "euler", "unipc"])
@pytest.mark.parametrize("kind", ["decoder", "inpainting"])
def test_outside_of_the_mask_the_photograph_keeps_its_pixels(request, batch, kind, sampler):
    drawing = request.getfixturevalue(kind)
    config = GenerateConfig(num_inference_steps=4, sampler=sampler, strength=0.8)
    pixels = sample_batch(drawing, batch(image=image(), mask=mask()), config)
    changed = (pixels - image()).abs().amax(dim=1) > 1e-6
    assert not changed[:, mask() == 0].any() and changed[:, mask() == 1].float().mean() > 0.9


def test_where_nothing_is_masked_the_latents_end_as_the_photographs(decoder, batch):
    given = batch(image=image(), mask=torch.zeros(32, 32))
    pixels = ours(decoder, given, GenerateConfig(num_inference_steps=3, strength=1.0, sampler="euler"))
    torch.testing.assert_close(
        pixels, decoder.decode(decoder.encode(image()[None])).expand(2, -1, -1, -1), rtol=0, atol=1e-5
    )


def test_fewer_steps_are_run_and_told(decoder, batch):
    told = []
    config = GenerateConfig(num_inference_steps=10, strength=0.35)
    sample_batch(decoder, batch(image=image()), config, lambda done, of: told.append((done, of)))
    assert config.steps_run == 3 and told == [(1, 3), (2, 3), (3, 3)]
    with pytest.raises(InvalidSetting, match=r"strength is 0\.05\. Give 0\.1 to 1\. The least draws one of the steps"):
        GenerateConfig(num_inference_steps=10, strength=0.05)


def test_decoders_say_which_pictures_they_need(decoder, inpainting, controlled, batch):
    config = GenerateConfig(num_inference_steps=1)
    with pytest.raises(InvalidSetting, match="it needs a photograph and a mask"):
        sample_batch(inpainting, batch(image=image()), config)
    with pytest.raises(InvalidSetting, match="it needs a depth map"):
        sample_batch(controlled, batch(), config)
    with pytest.raises(InvalidSetting, match="takes no depth map"):
        sample_batch(decoder, batch(depth=image()[0]), config)
