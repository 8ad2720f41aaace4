"""Stable unCLIP's memory at full size, counted on the meta device from its published configurations."""

import pytest
import torch

from lambda_studio.config import FinetuneConfig, Size
from lambda_studio.models.decoders.unclip.stable_unclip import load_decoder
from lambda_studio.models.decoders.unclip.stable_unclip_memory import drawing_footprint, encoding_bytes, unet_blueprint
from lambda_studio.models.files.sources import Source
from lambda_studio.models.stacks.planning import GIB
from lambda_studio.training.planning.memory import training_bytes
from tests.lambda_studio.models.decoders.unclip.small import DIMS, published, save_stable_unclip


@pytest.fixture(scope="module", params=["h", "l"])
def source(request, tmp_path_factory):
    return published(tmp_path_factory.mktemp("configs") / request.param, f"stable-unclip-{request.param}")


def test_the_weights_are_those_of_the_unet_and_the_autoencoder(source):
    size = source.folder.name
    counted = drawing_footprint(source, Size.square(768), torch.bfloat16)
    assert counted.weights == 2 * ({"h": 870_173_124, "l": 869_517_764}[size] + 83_653_863)
    assert drawing_footprint(source, Size.square(768), torch.float32).weights == 2 * counted.weights


def test_memory_grows_with_the_picture_and_a_large_one_may_be_decoded_in_tiles(source):
    small, large = (drawing_footprint(source, Size.square(side), torch.bfloat16) for side in (768, 1536))
    assert small.decoding == pytest.approx(large.decoding / 4, rel=0.2) and small.decoding_in_tiles is None
    assert large.decoding_in_tiles is not None
    assert 0 < large.decoding_in_tiles - small.decoding < 0.1 * GIB
    assert large.denoising > 3 * small.denoising
    wide, high = (drawing_footprint(source, size, torch.bfloat16) for size in (Size(768, 1536), Size(1536, 768)))
    assert wide == high and small.denoising < wide.denoising < large.denoising


def test_what_is_counted_is_what_the_decoder_gives_its_unet(tmp_path):
    folder = save_stable_unclip(tmp_path / "l", "l")
    decoder, blueprint = load_decoder(folder), unet_blueprint(Source(str(folder)), 64, torch.float32)
    condition = decoder.condition(torch.ones(1, DIMS["l"]))
    given = {name: each.shape for name, each in blueprint.inputs.items()}
    assert given == {"encoder_hidden_states": condition["text"].shape, "class_labels": condition["image"].shape}
    assert blueprint.side == decoder.latent_shape(Size.square(64))[1]
    assert {name: each.shape for name, each in blueprint.unet.named_parameters()} == {
        name: each.shape for name, each in decoder.unet.named_parameters()
    }


def test_training_is_counted(source):
    def counted(method, batch_size):
        blueprint = unet_blueprint(source, 768, torch.float32 if method == "full" else torch.bfloat16)
        return training_bytes(blueprint, FinetuneConfig(method=method, batch_size=batch_size))

    lora, larger, full = counted("lora", 1), counted("lora", 2), counted("full", 1)
    assert 2 * 869_517_764 < lora < larger
    assert full > 16 * 869_517_764, "weights, gradients and AdamW's two states in float32"


def test_encoding_a_photograph_grows_with_its_area(source):
    small, large = (encoding_bytes(source, Size.square(side), torch.bfloat16) for side in (768, 1536))
    assert large == pytest.approx(4 * small, rel=0.2)
    assert small < drawing_footprint(source, Size.square(768), torch.bfloat16).decoding
