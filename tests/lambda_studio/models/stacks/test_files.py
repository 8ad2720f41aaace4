"""The files of a stack: found in the hub's cache without being named, pinned part by part, and looked through."""

import hashlib
from dataclasses import replace

import pytest
import torch
from huggingface_hub import constants

from lambda_studio.errors import ModelFilesInvalid
from lambda_studio.models.files.weights import shards
from lambda_studio.models.stacks.files import StackFiles
from lambda_studio.models.stacks.stack import BUILT_IN, Stack
from lambda_studio.models.stacks.toml import from_toml
from tests.hub_cache import COMMIT, put_repository


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A hub's cache, and a hub that nobody may ask."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *asked, **_: pytest.fail(f"asked for {asked}"))
    return tmp_path / "hub"


def test_the_built_in_stack_pins_what_is_known():
    spec = BUILT_IN["kandinsky-2.2"]
    assert {len(revision) for revision in spec.revisions.values()} == {40}
    weights = {name: sha for files in spec.hashes.values() for name, sha in files.items() if "safetensors" in name}
    assert len(weights) == len(set(weights.values())) == 4
    assert StackFiles(spec).decoder_source.revision == spec.revisions["decoder"]


def toml(path, stack_file, extra):
    path.write_text(stack_file.read_text() + extra)
    return from_toml(path)


def test_every_part_can_be_pinned_in_a_stack_file(
    tmp_path, stack_file, cache, decoder_folder, clip_folder, prior_folder
):
    weights = decoder_folder / "movq/diffusion_pytorch_model.safetensors"
    sha = hashlib.sha256(weights.read_bytes()).hexdigest()
    for repo, folder in (("a/clip", clip_folder), ("a/prior", prior_folder), ("a/decoder", decoder_folder)):
        put_repository(cache, repo, folder, main=False)
    text = 'clip = "hf-hub:a/clip"\nprior = "a/prior"\ndecoder = "a/decoder"\n'
    parts = "\n".join(f'{part} = "{COMMIT}"' for part in ("clip", "prior", "decoder"))
    pins = f'[revisions]\n{parts}\n[hashes.decoder]\n"movq/{weights.name}" = "{sha}"\n'
    (tmp_path / "pinned.toml").write_text(text + pins)
    spec = from_toml(tmp_path / "pinned.toml")
    assert StackFiles(spec).fingerprints() == StackFiles(from_toml(stack_file)).fingerprints()
    wrong = replace(spec, hashes={"decoder": {f"movq/{weights.name}": "0" * 64}})
    with pytest.raises(ModelFilesInvalid, match="is not the pinned movq/"):
        Stack(wrong, device="cpu").decoder()


def test_a_stack_file_lays_a_fine_tuned_unet_over_the_decoder(tmp_path, stack_file, decoder_folder):
    from diffusers import UNet2DConditionModel

    unet = UNet2DConditionModel.from_pretrained(decoder_folder / "unet")
    with torch.no_grad():
        unet.conv_in.bias += 1
    unet.save_pretrained(tmp_path / "out/checkpoint-400/unet")
    spec = toml(tmp_path / "tuned.toml", stack_file, 'unet = "./out/checkpoint-400"\n')
    stack, base = Stack(spec, device="cpu"), Stack(from_toml(stack_file), device="cpu")
    assert torch.equal(stack.decoder().unet.conv_in.bias, unet.conv_in.bias)
    said, expected = stack.fingerprints(), base.fingerprints()
    assert said["decoder"] != expected["decoder"]
    assert {key: said[key] for key in said if key != "decoder"} == {
        key: expected[key] for key in expected if key != "decoder"
    }


def test_all_files_are_looked_through_for_damage_also_small_ones(cache, tmp_path, stack_file, decoder_folder):
    snapshot = put_repository(cache, "a/decoder", decoder_folder)
    spec = replace(from_toml(stack_file), decoder="a/decoder")
    files = StackFiles(spec)
    looked_at = files.all()
    for name in ("unet/config.json", "movq/config.json", "scheduler/scheduler_config.json"):
        assert snapshot / name in looked_at
    assert set(shards(files.prior())) < set(looked_at) and files.clip().merges in looked_at
    assert files.damaged() == []
    for name in ("unet/config.json", "unet/diffusion_pytorch_model.safetensors"):
        blob = (snapshot / name).resolve()
        content = blob.read_bytes()
        blob.write_bytes(content.replace(b"silu", b"selu") if "json" in name else content[:-1] + b"?")
        assert files.damaged() == [snapshot / name]
        blob.write_bytes(content)
