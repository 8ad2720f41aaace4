"""Networks without values."""

import pytest
import torch
from diffusers import UNet2DConditionModel

from lambda_studio.errors import ModelFilesMissing
from lambda_studio.models.decoders.counting import built, config_in
from lambda_studio.models.files.sources import Source


def test_a_network_has_its_shapes_and_its_format_and_takes_no_memory(decoder_folder):
    config = config_in(Source(str(decoder_folder)), "unet")
    unet = built(UNet2DConditionModel, config, torch.bfloat16)
    plain = UNet2DConditionModel.from_pretrained(decoder_folder / "unet")
    assert {name: each.shape for name, each in unet.state_dict().items()} == {
        name: each.shape for name, each in plain.state_dict().items()
    }
    assert {(each.device.type, each.dtype) for each in unet.parameters()} == {("meta", torch.bfloat16)}
    assert not unet.training


def test_a_fine_tuned_unet_is_the_one_that_is_counted(decoder_folder, tmp_path):
    (tmp_path / "config.json").write_text('{"sample_size": 3}')
    source = Source(str(decoder_folder), parts={"unet": Source(str(tmp_path))})
    assert config_in(source, "unet") == {"sample_size": 3}
    with pytest.raises(ModelFilesMissing, match=r"has no vae/config\.json"):
        config_in(source, "vae")
