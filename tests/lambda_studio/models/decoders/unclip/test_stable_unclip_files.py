"""The files of Stable unCLIP: how they are found, identified and refused."""

import json
import shutil

import pytest
import torch
from diffusers import UNet2DConditionModel

from lambda_studio.errors import ModelFilesInvalid, ModelFilesMissing
from lambda_studio.models.decoders.unclip import stable_unclip_files as files
from lambda_studio.models.decoders.unclip.stable_unclip import load_decoder
from lambda_studio.models.files.sources import Source
from tests.lambda_studio.models.decoders.unclip.small import published, save_stable_unclip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_stable_unclip(tmp_path_factory.mktemp("models") / "l", "l")


@pytest.fixture
def copy(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "decoder")


def test_each_part_names_its_own_files(folder):
    source = Source(str(folder))
    unet, vae = files.find_decoder(source, ("unet",)), files.find_decoder(source, ("autoencoder",))
    assert unet["unet"] == folder / "unet/diffusion_pytorch_model.safetensors" and "vae" not in unet
    assert vae["vae"] == folder / "vae/diffusion_pytorch_model.safetensors" and "text_encoder" not in vae
    tokenizer = {path.name for path in unet.values() if path.parent.name == "tokenizer"}
    assert tokenizer == {"vocab.json", "merges.txt", "special_tokens_map.json", "tokenizer_config.json"}
    assert files.decoder_fingerprints(source) == load_decoder(folder).fingerprints
    assert (files.trained_resolution(source), files.drawn_multiple(source), files.embedding_dim(source)) == (64, 64, 24)


@pytest.mark.parametrize(("size", "dim"), [("h", 1024), ("l", 768)])
def test_the_published_configurations_are_understood(tmp_path, size, dim):
    source = published(tmp_path, f"stable-unclip-{size}")
    said = files.trained_resolution(source), files.drawn_multiple(source), files.embedding_dim(source)
    assert said == (768, 64, dim)
    unet, normalizer, text = (
        json.loads((tmp_path / name / "config.json").read_text())
        for name in ("unet", "image_normalizer", "text_encoder")
    )
    files.require_stable_unclip(unet, normalizer, text, tmp_path)
    with torch.device("meta"):
        parameters = sum(each.numel() for each in UNet2DConditionModel.from_config(unet).parameters())
    assert parameters == {"h": 870_173_124, "l": 869_517_764}[size]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"class_embed_type": None},
            "is the configuration of a Stable Diffusion, which draws texts (class_embed_type None).",
        ),
        ({"projection_class_embeddings_input_dim": 64}, "has projection_class_embeddings_input_dim 64, but image"),
        ({"cross_attention_dim": 8}, "has cross_attention_dim 8, but image_normalizer and text_encoder beside it need"),
    ],
)
def test_other_decoders_and_mixed_ones_are_refused_before_weights_are_read(copy, change, said):
    (copy / "unet/diffusion_pytorch_model.safetensors").unlink()
    file = copy / "unet/config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    with pytest.raises(ModelFilesInvalid) as error:
        load_decoder(copy)
    assert said in error.value.cause


@pytest.mark.parametrize(
    ("folder_name", "stem"),
    [("unet", "diffusion_pytorch_model"), ("image_normalizer", "diffusion_pytorch_model"), ("text_encoder", "model")],
)
def test_weights_that_can_run_code_are_refused(copy, folder_name, stem):
    file = copy / folder_name / f"{stem}.safetensors"
    file.rename(file.with_name(f"{'pytorch_model' if stem == 'model' else stem}.bin"))
    with pytest.raises(ModelFilesInvalid, match=r"can run code when it is loaded"):
        load_decoder(copy)
    load_decoder(copy, parts=("autoencoder",))


@pytest.mark.parametrize("name", ["tokenizer/merges.txt", "scheduler/scheduler_config.json", "tokenizer/vocab.json"])
def test_a_missing_file_is_named(copy, name):
    (copy / name).unlink()
    with pytest.raises(ModelFilesMissing) as error:
        load_decoder(copy)
    assert name in error.value.cause


def test_a_text_encoder_without_all_its_weights_is_refused(copy):
    from safetensors.torch import load_file, save_file

    file = copy / "text_encoder/model.safetensors"
    tensors = load_file(file)
    lacking = next(name for name in tensors if name.endswith("final_layer_norm.bias"))
    save_file({name: tensor for name, tensor in tensors.items() if name != lacking}, file, {"format": "pt"})
    with pytest.raises(ModelFilesInvalid, match=r"lacks 1 of its weights, such as .*final_layer_norm\.bias"):
        load_decoder(copy)


def test_a_tokenizer_as_transformers_5_writes_it_gives_the_same_text(folder, copy):
    from transformers import CLIPTokenizer

    tokenizer = CLIPTokenizer.from_pretrained(copy / "tokenizer")
    shutil.rmtree(copy / "tokenizer")
    tokenizer.save_pretrained(copy / "tokenizer")
    assert not (copy / "tokenizer/vocab.json").exists()
    embeds = torch.ones(1, 24)
    expected = load_decoder(folder).condition(embeds)["text"]
    assert torch.equal(load_decoder(copy).condition(embeds)["text"], expected)


def test_a_fine_tuned_unet_lies_over_its_base(folder, tmp_path):
    unet = UNet2DConditionModel.from_pretrained(folder / "unet")
    with torch.no_grad():
        for parameter in unet.parameters():
            parameter += 0.01
    unet.save_pretrained(tmp_path / "tuned/unet")
    tuned = load_decoder(Source(str(folder), parts={"unet": Source(str(tmp_path / "tuned"))}))
    assert torch.equal(tuned.unet.conv_in.weight, unet.conv_in.weight)
    assert tuned.fingerprints["unet"] != load_decoder(folder).fingerprints["unet"]


def test_files_can_be_pinned(folder):
    pins = {"image_noising_scheduler/scheduler_config.json": "0" * 64}
    with pytest.raises(ModelFilesInvalid, match=r"is not the pinned image_noising_scheduler/scheduler_config\.json"):
        load_decoder(Source(str(folder), hashes=pins))
