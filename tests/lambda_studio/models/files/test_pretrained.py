"""Networks from folders: what is refused, and what tells one from another."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from lambda_studio.errors import ModelFilesInvalid
from lambda_studio.models.decoders.kandinsky import load_decoder


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


def test_the_fingerprint_changes_with_weights_and_configuration_only(decoder_folder, tmp_path):
    decoder = load_decoder(decoder_folder)
    shutil.copytree(decoder_folder, tmp_path / "copy")
    assert load_decoder(tmp_path / "copy").fingerprints == decoder.fingerprints
    weights = tmp_path / "copy/movq/diffusion_pytorch_model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(bytes(content))
    changed = load_decoder(tmp_path / "copy").fingerprints
    assert changed["unet"] == decoder.fingerprints["unet"]
    assert changed["autoencoder"] != decoder.fingerprints["autoencoder"]
