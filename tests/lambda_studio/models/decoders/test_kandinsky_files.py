"""Decoders that people have: a fine-tuned UNet over a base, and decoders of another kind."""

import json
import shutil

import pytest
import torch
from diffusers import KandinskyV22Pipeline, UNet2DConditionModel
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

from lambda_studio.errors import ModelFilesInvalid
from lambda_studio.models.decoders.kandinsky import load_decoder
from lambda_studio.models.decoders.kandinsky_files import latent_side, needed_pictures, trained_resolution
from lambda_studio.models.files.sources import Source


@pytest.fixture(scope="module")
def tuned(decoder_folder, tmp_path_factory):
    """What the official scripts write: checkpoint-N/unet, and the whole decoder in the end."""
    folder = tmp_path_factory.mktemp("tuned")
    unet = UNet2DConditionModel.from_pretrained(decoder_folder / "unet")
    with torch.no_grad():
        for parameter in unet.parameters():
            parameter += 0.01
    unet.save_pretrained(folder / "checkpoint-400/unet")
    pipeline = KandinskyV22Pipeline.from_pretrained(decoder_folder, unet=unet, scheduler=DDPMScheduler())
    pipeline.save_pretrained(folder / "whole")
    return folder


def test_a_fine_tuned_unet_lies_over_its_base(decoder_folder, tuned):
    plain = KandinskyV22Pipeline.from_pretrained(
        decoder_folder, unet=UNet2DConditionModel.from_pretrained(tuned / "checkpoint-400", subfolder="unet")
    )
    base = load_decoder(decoder_folder)
    for place in (tuned / "checkpoint-400", tuned / "checkpoint-400/unet", tuned / "whole"):
        ours = load_decoder(Source(str(decoder_folder), parts={"unet": Source(str(place))}))
        for key, value in plain.unet.state_dict().items():
            assert torch.equal(ours.unet.state_dict()[key], value)
        assert ours.fingerprints["autoencoder"] == base.fingerprints["autoencoder"]
        assert ours.fingerprints["unet"] != base.fingerprints["unet"]


def test_the_whole_decoder_of_the_official_script_loads_as_it_is(tuned):
    ours = load_decoder(tuned / "whole")
    plain = KandinskyV22Pipeline.from_pretrained(tuned / "whole")
    assert torch.equal(ours.unet.conv_in.weight, plain.unet.conv_in.weight)
    assert torch.equal(ours.movq.quant_conv.weight, plain.movq.quant_conv.weight)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"in_channels": 8}, "no Kandinsky 2.2 decoder (in_channels 8)"),
        ({"in_channels": 9, "out_channels": 4}, "no Kandinsky 2.2 decoder (in_channels 9, out_channels 4)"),
        ({"addition_embed_type": "text_image"}, "a Kandinsky 2.1 decoder, which needs text embeddings"),
        ({"encoder_hid_dim_type": None}, "no Kandinsky 2.2 decoder (encoder_hid_dim_type None)"),
    ],
)
def test_decoders_of_another_kind_are_refused_when_they_are_loaded(decoder_folder, tmp_path, change, said):
    folder = shutil.copytree(decoder_folder, tmp_path / "decoder")
    (folder / "unet/diffusion_pytorch_model.safetensors").unlink()  # they are refused before weights are fetched
    file = folder / "unet/config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    with pytest.raises(ModelFilesInvalid) as error:
        load_decoder(folder)
    assert said in error.value.cause
    assert "Give a decoder of Kandinsky 2.2" in error.value.remedy


def test_a_configuration_without_a_sample_size_means_the_released_one(decoder_folder, tmp_path):
    folder = shutil.copytree(decoder_folder, tmp_path / "decoder")
    file = folder / "unet/config.json"
    for size, side in ((None, 64), (8, 8), ([8, 8], 8)):
        file.write_text(json.dumps({**json.loads(file.read_text()), "sample_size": size}))
        decoder = load_decoder(folder)
        assert latent_side(decoder.unet.config) == side
        assert decoder.resolution == trained_resolution(Source(str(folder))) == 4 * side


@pytest.mark.parametrize(
    ("change", "needs"),
    [
        ({}, set()),
        ({"in_channels": 9}, {"mask"}),
        ({"in_channels": 8, "addition_embed_type": "image_hint"}, {"depth"}),
    ],
)
def test_what_a_decoder_needs_is_known_from_its_configuration_alone(decoder_folder, tmp_path, change, needs):
    folder = shutil.copytree(decoder_folder, tmp_path / "decoder")
    (folder / "unet/diffusion_pytorch_model.safetensors").unlink()
    file = folder / "unet/config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    assert needed_pictures(Source(str(folder))) == needs
