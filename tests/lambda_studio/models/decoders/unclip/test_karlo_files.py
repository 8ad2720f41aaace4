"""The files of Karlo: how they are found, identified and refused."""

import json
import shutil

import pytest
import torch
from diffusers import UNet2DConditionModel, UNet2DModel
from diffusers.pipelines.deprecated.unclip import UnCLIPTextProjModel

from lambda_studio.errors import ModelFilesInvalid, ModelFilesMissing
from lambda_studio.models.decoders.unclip import karlo_files as files
from lambda_studio.models.decoders.unclip.karlo import load_decoder
from lambda_studio.models.files.sources import Source
from tests.lambda_studio.models.decoders.unclip.small import facts, published, save_karlo


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_karlo(tmp_path_factory.mktemp("models") / "karlo")


@pytest.fixture
def copy(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "decoder")


def test_each_part_names_its_own_files(folder):
    source = Source(str(folder))
    unet, enlargers = files.find_decoder(source, ("unet",)), files.find_decoder(source, ("autoencoder",))
    assert unet["unet"] == folder / "decoder/diffusion_pytorch_model.safetensors" and "super_res_first" not in unet
    assert enlargers["super_res_last"] == folder / "super_res_last/diffusion_pytorch_model.safetensors"
    assert not {"unet", "text_proj", "text_encoder"} & enlargers.keys()
    assert files.decoder_fingerprints(source) == load_decoder(folder).fingerprints
    assert (files.trained_resolution(source), files.drawn_multiple(source), files.embedding_dim(source)) == (32, 8, 24)


def test_the_published_configurations_are_understood(tmp_path):
    source = published(tmp_path, "karlo")
    configs = {name: json.loads((tmp_path / name / "config.json").read_text()) for name in files.FOLDERS}
    said = files.trained_resolution(source), files.drawn_multiple(source), files.embedding_dim(source)
    assert said == (256, 32, 768)
    files.require_karlo(configs, facts("karlo_text_encoder"), tmp_path)
    with torch.device("meta"):
        decoder = UNet2DConditionModel.from_config(configs["decoder"])
        projection = UnCLIPTextProjModel.from_config(configs["text_proj"])
        enlarger = UNet2DModel.from_config(configs["super_res_last"])
    assert sum(each.numel() for each in decoder.parameters()) == 885_439_686
    assert projection.learned_classifier_free_guidance_embeddings.shape == (768,)
    assert enlarger.conv_in.weight.shape == (320, 6, 3, 3)


def test_configurations_without_sides_mean_the_released_ones():
    assert files.side_of({"sample_size": None}, "decoder") == 64
    assert files.scale_of({"sample_size": 64}, {}) == 4
    assert files.scale_of({"sample_size": [64, 64]}, {"sample_size": 512}) == 8


@pytest.mark.parametrize(
    ("part", "change", "said"),
    [
        ("decoder", {"class_embed_type": None}, "of no Karlo decoder (class_embed_type None)."),
        ("decoder", {"out_channels": 3}, "of no Karlo decoder (out_channels 3)."),
        ("text_proj", {"cross_attention_dim": 8}, "do not fit each other: cross_attention_dim is 8, not 16."),
        ("text_proj", {"time_embed_dim": 8}, "do not fit each other: time_embed_dim is 8, not 32."),
        ("text_encoder", {"hidden_size": 8}, "do not fit each other: hidden_size is 8, not 24."),
        ("super_res_last", {"in_channels": 3}, "do not fit each other: super_res_last is 3, not 6."),
    ],
)
def test_other_decoders_and_mixed_ones_are_refused_before_weights_are_read(copy, part, change, said):
    (copy / "decoder/diffusion_pytorch_model.safetensors").unlink()
    file = copy / part / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    with pytest.raises(ModelFilesInvalid) as error:
        load_decoder(copy)
    assert said in error.value.cause


@pytest.mark.parametrize("name", ["decoder", "text_proj", "super_res_first", "super_res_last"])
def test_weights_that_can_run_code_are_refused(copy, name):
    file = copy / name / "diffusion_pytorch_model.safetensors"
    file.rename(file.with_suffix(".bin"))
    with pytest.raises(ModelFilesInvalid, match=r"can run code when it is loaded"):
        load_decoder(copy)


@pytest.mark.parametrize("name", ["tokenizer/vocab.json", "super_res_scheduler/scheduler_config.json"])
def test_a_missing_file_is_named(copy, name):
    (copy / name).unlink()
    with pytest.raises(ModelFilesMissing) as error:
        load_decoder(copy)
    assert name in error.value.cause


def test_shards_are_files_of_their_part(folder, copy):
    shutil.rmtree(copy / "decoder")
    UNet2DConditionModel.from_pretrained(folder / "decoder").save_pretrained(copy / "decoder", max_shard_size="20KB")
    found = {path.name for path in files.find_decoder(Source(str(copy)), ("unet",)).values()}
    shards = {path.name for path in (copy / "decoder").glob("*.safetensors")}
    assert len(shards) > 1 and shards < found
    assert torch.equal(load_decoder(copy).unet.conv_in.weight, load_decoder(folder).unet.conv_in.weight)


@pytest.mark.parametrize("inside", ["unet", "."])
def test_a_fine_tuned_unet_lies_over_its_base(folder, tmp_path, inside):
    unet = UNet2DConditionModel.from_pretrained(folder / "decoder")
    with torch.no_grad():
        for parameter in unet.parameters():
            parameter += 0.01
    unet.save_pretrained(tmp_path / "tuned" / inside)
    tuned = load_decoder(Source(str(folder), parts={"unet": Source(str(tmp_path / "tuned"))}))
    assert torch.equal(tuned.unet.conv_in.weight, unet.conv_in.weight)
    assert tuned.fingerprints["unet"] != load_decoder(folder).fingerprints["unet"]
