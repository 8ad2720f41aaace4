"""Weight files: variants, shards, and what is no safetensors."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from diffusers import UNet2DConditionModel, VQModel

from lambda_studio.errors import ModelFilesInvalid, ModelFilesMissing
from lambda_studio.models.decoders.kandinsky import load_decoder
from lambda_studio.models.files.sources import Source
from lambda_studio.models.files.weights import find_weights, shards, variant_of, weight_names

CLASSES = {"unet": UNet2DConditionModel, "movq": VQModel}


def saved_anew(decoder_folder: Path, to: Path, parts: tuple[str, ...] = ("unet", "movq"), **saving) -> Path:
    """The tiny decoder with these parts saved by diffusers in another way."""
    shutil.copytree(decoder_folder, to)
    for part in parts:
        model = CLASSES[part].from_pretrained(decoder_folder / part)
        shutil.rmtree(to / part)
        (model.half() if saving.get("variant") == "fp16" else model).save_pretrained(to / part, **saving)
    return to


def equal(ours, plain) -> bool:
    said, expected = ours.state_dict(), plain.state_dict()
    return said.keys() == expected.keys() and all(torch.equal(said[key], expected[key]) for key in said)


def test_the_preferred_names_come_first():
    assert weight_names("model") == [
        "model.safetensors",
        "model.safetensors.index.json",
        "model.fp16.safetensors",
        "model.safetensors.index.fp16.json",
    ]
    assert weight_names("model", "bf16")[:3] == [
        "model.bf16.safetensors",
        "model.safetensors.index.bf16.json",
        "model.safetensors",
    ]
    assert [variant_of(Path(name)) for name in weight_names("a_b", "fp16")] == ["fp16", "fp16", None, None]


@pytest.mark.parametrize("variant", [None, "fp16"])
def test_shards_are_loaded_as_diffusers_loads_them(decoder_folder, tmp_path, variant):
    folder = saved_anew(decoder_folder, tmp_path / "decoder", max_shard_size="30KB", variant=variant)
    ours = load_decoder(folder)
    for part, model in (("unet", ours.unet), ("movq", ours.movq)):
        plain = CLASSES[part].from_pretrained(folder / part, variant=variant)
        assert len(shards(find_weights(Source(str(folder)), f"{part}/"))) > 2
        assert equal(model, plain)
    assert ours.fingerprints["unet"] != load_decoder(decoder_folder).fingerprints["unet"]


def test_a_variant_falls_back_part_by_part(decoder_folder, tmp_path):
    folder = saved_anew(decoder_folder, tmp_path / "decoder", parts=("unet",), variant="fp16")
    ours = load_decoder(Source(str(folder), variant="fp16"))
    assert equal(ours.unet, UNet2DConditionModel.from_pretrained(folder / "unet", variant="fp16"))
    assert equal(ours.movq, VQModel.from_pretrained(folder / "movq"))


def test_fp16_files_are_found_where_there_are_no_others(decoder_folder, tmp_path):
    folder = saved_anew(decoder_folder, tmp_path / "decoder", variant="fp16")
    ours = load_decoder(folder, dtype=torch.float16)
    assert equal(ours.movq, VQModel.from_pretrained(folder / "movq", variant="fp16", torch_dtype=torch.float16))
    assert load_decoder(folder).unet.dtype == torch.float32


def test_the_fingerprint_of_shards_changes_with_each_of_them(decoder_folder, tmp_path):
    folder = saved_anew(decoder_folder, tmp_path / "decoder", parts=("unet",), max_shard_size="30KB")
    before = load_decoder(folder, parts=("unet",)).fingerprints["unet"]
    for path in shards(find_weights(Source(str(folder)), "unet/")):
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(bytes(content))
        after = load_decoder(folder, parts=("unet",)).fingerprints["unet"]
        assert after != before
        before = after


def test_a_missing_shard_is_said_by_name(decoder_folder, tmp_path):
    folder = saved_anew(decoder_folder, tmp_path / "decoder", parts=("unet",), max_shard_size="30KB")
    lost = shards(find_weights(Source(str(folder)), "unet/"))[1]
    lost.unlink()
    with pytest.raises(ModelFilesMissing, match=rf"has no unet/{lost.name}"):
        load_decoder(folder)


@pytest.mark.parametrize("files", [{"a": "../../secret.safetensors"}, {"a": "x.bin"}, {}, [1], {"a": 3}])
def test_an_index_names_files_beside_it_only(decoder_folder, tmp_path, files):
    folder = saved_anew(decoder_folder, tmp_path / "decoder", parts=("unet",), max_shard_size="30KB")
    (folder / "unet/diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps({"weight_map": files}))
    with pytest.raises(ModelFilesInvalid, match="is not an index of safetensors files"):
        load_decoder(folder)


def test_pickled_weights_are_refused_with_the_way_out(decoder_folder, tmp_path):
    folder = saved_anew(decoder_folder, tmp_path / "decoder", parts=("movq",), safe_serialization=False)
    with pytest.raises(ModelFilesInvalid) as error:
        load_decoder(folder)
    assert "movq/diffusion_pytorch_model.bin can run code when it is loaded, as every .bin file" in error.value.cause
    assert "convert it: see 'Weights in .bin files' in docs/stacks.md" in error.value.remedy


def test_pinned_weights_are_compared(decoder_folder):
    name = "unet/diffusion_pytorch_model.safetensors"
    with pytest.raises(ModelFilesInvalid, match=f"is not the pinned {name}"):
        load_decoder(Source(str(decoder_folder), hashes={name: "0" * 64}))
