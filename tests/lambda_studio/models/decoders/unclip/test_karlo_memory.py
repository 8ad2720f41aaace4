"""Karlo's memory at full size, counted on the meta device from its published configurations."""

import pytest
import torch
from diffusers import UNet2DConditionModel, UNet2DModel
from diffusers.pipelines.deprecated.unclip import UnCLIPTextProjModel

from lambda_studio.config import FinetuneConfig, Size
from lambda_studio.models.decoders.unclip.karlo import load_decoder
from lambda_studio.models.decoders.unclip.karlo_memory import drawing_footprint, unet_blueprint
from lambda_studio.models.files.sources import Source
from lambda_studio.training.planning.memory import training_bytes
from tests.lambda_studio.models.decoders.unclip.small import DIMS, facts, published, save_karlo


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return published(tmp_path_factory.mktemp("configs") / "karlo", "karlo")


def parameters(kind, name):
    with torch.device("meta"):
        return sum(each.numel() for each in kind.from_config(facts(name)).parameters())


def test_the_weights_are_those_of_all_networks_that_draw(source):
    enlarger = parameters(UNet2DModel, "karlo_super_res")
    rest = parameters(UNet2DConditionModel, "karlo_decoder") + parameters(UnCLIPTextProjModel, "karlo_text_proj")
    counted = drawing_footprint(source, Size.square(256), torch.bfloat16)
    assert counted.weights == 2 * (rest + 2 * enlarger) > 2 * 885_439_686


def test_memory_grows_with_the_picture(source):
    small, large = (drawing_footprint(source, Size.square(side), torch.bfloat16) for side in (256, 512))
    assert large.decoding == pytest.approx(4 * small.decoding, rel=0.2)
    assert large.denoising > 3 * small.denoising and small.decoding > small.denoising, "pixels, not latents"
    assert large.decoding_in_tiles is None


def test_what_is_counted_is_what_the_decoder_gives_its_unet(tmp_path):
    folder = save_karlo(tmp_path / "karlo")
    decoder, blueprint = load_decoder(folder), unet_blueprint(Source(str(folder)), 32, torch.float32)
    condition = decoder.condition(torch.ones(1, DIMS["l"]))
    assert {name: each.shape for name, each in blueprint.inputs.items()} == {
        name: each.shape for name, each in condition.items()
    }
    assert blueprint.side == decoder.latent_shape(Size.square(32))[1] == 8
    footprint = drawing_footprint(Source(str(folder)), Size.square(32), torch.float32)
    networks = sum(each.numel() for network in decoder.networks for each in network.parameters())
    assert footprint.weights == 4 * networks


def test_training_is_counted_also_on_a_fine_tuned_unet(source, tmp_path):
    config = FinetuneConfig(batch_size=1)
    lora = training_bytes(unet_blueprint(source, 256, torch.bfloat16), config)
    assert 2 * 885_439_686 < lora < training_bytes(unet_blueprint(source, 256, torch.bfloat16), FinetuneConfig())
    with torch.device("meta"):
        tuned = UNet2DConditionModel.from_config({**facts("karlo_decoder"), "layers_per_block": 1})
    tuned.save_config(tmp_path / "unet")
    over = Source(source.place, parts={"unet": Source(str(tmp_path))})
    assert training_bytes(unet_blueprint(over, 256, torch.bfloat16), config) < lora
