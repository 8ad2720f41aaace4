"""LoRAs that peft and diffusers wrote, against those libraries' own pictures of them."""

import json

import pytest
import torch
from diffusers.utils import convert_state_dict_to_diffusers
from peft import get_peft_model_state_dict
from safetensors.torch import load_file, save_file

from lambda_studio.errors import ModelFilesInvalid, ModelFilesMissing
from lambda_studio.models.adapters.adapter import apply_adapter, save_tensors_by_hash
from lambda_studio.models.adapters.information import AdapterInfo
from lambda_studio.models.adapters.lora.shape import EVERY_TARGET
from lambda_studio.models.decoders.kandinsky import load_decoder
from lambda_studio.models.exchange.foreign_lora import find_lora, read_lora
from lambda_studio.models.files.weights import tensor_shapes
from tests.lambda_studio.models.exchange.loras import predict, tuned_unet


@pytest.fixture(scope="module")
def shapes(decoder_folder):
    return tensor_shapes(decoder_folder / "unet/diffusion_pytorch_model.safetensors")


def drawn(path, decoder_folder, shapes, tmp_path):
    """What our UNet predicts with the imported LoRA."""
    lora = read_lora(find_lora(path), shapes)
    decoder = load_decoder(decoder_folder)
    info = AdapterInfo("lora", lora.rank, "tiny", decoder.fingerprints["unet"], (), {}, use_dora=lora.use_dora)
    sha = save_tensors_by_hash(lora.tensors, info, tmp_path)
    apply_adapter(decoder.unet, tmp_path / f"{sha}.safetensors", decoder.fingerprints["unet"])
    return predict(decoder.unet)


def is_close(ours, theirs):
    torch.testing.assert_close(ours, theirs, rtol=0, atol=2e-4)


SETTINGS = [
    {},
    {"lora_alpha": 1},
    {"lora_alpha": 16, "use_rslora": True},
    {"target_modules": ["to_q", "to_v"]},
    {"use_dora": True, "lora_alpha": 6},
    {"target_modules": list(EVERY_TARGET)},
    {"target_modules": list(EVERY_TARGET), "use_dora": True, "use_rslora": True, "rank_pattern": {"conv1": 6}},
    {"rank_pattern": {"mid_block.attentions.0.to_q": 7}, "alpha_pattern": {"mid_block.attentions.0.to_q": 2}},
]


@pytest.mark.parametrize("config", SETTINGS)
def test_a_lora_that_diffusers_saved_draws_the_same(decoder_folder, shapes, tmp_path, config):
    unet = tuned_unet(decoder_folder, **config)
    unet.save_lora_adapter(tmp_path / "lora")
    expected = predict(unet)
    unet.disable_lora()
    assert not torch.allclose(expected, predict(unet), atol=1e-2)
    is_close(drawn(tmp_path / "lora", decoder_folder, shapes, tmp_path), expected)


@pytest.mark.parametrize("config", SETTINGS)
def test_a_folder_of_peft_draws_the_same(decoder_folder, shapes, tmp_path, config):
    unet = tuned_unet(decoder_folder, **config)
    tensors = get_peft_model_state_dict(unet, adapter_name="default")
    folder = tmp_path / "peft"
    folder.mkdir()
    save_file(
        {f"base_model.model.{key}": value for key, value in tensors.items()}, folder / "adapter_model.safetensors"
    )
    unet.peft_config["default"].save_pretrained(folder)
    is_close(drawn(folder, decoder_folder, shapes, tmp_path), predict(unet))


@pytest.mark.parametrize("prefix", ["unet.", "transformer.", ""])
def test_older_names_and_prefixes_are_known(decoder_folder, shapes, tmp_path, prefix):
    unet = tuned_unet(decoder_folder)
    tensors = convert_state_dict_to_diffusers(get_peft_model_state_dict(unet, adapter_name="default"))
    assert any(".lora.down." in key for key in tensors)
    path = tmp_path / "any-name.safetensors"
    save_file({f"{prefix}{key}": value.contiguous() for key, value in tensors.items()}, path)
    is_close(drawn(path, decoder_folder, shapes, tmp_path), predict(unet))


def test_attention_processors_of_old_diffusers_are_known(decoder_folder, shapes, tmp_path):
    unet = tuned_unet(decoder_folder)
    tensors = {}
    for key, value in get_peft_model_state_dict(unet, adapter_name="default").items():
        module, _, side = key.removesuffix(".weight").rpartition(".lora_")
        attention, _, projection = module.removesuffix(".0").rpartition(".")
        new = f"{attention}.processor.{projection}_lora.{'down' if side == 'A' else 'up'}.weight"
        tensors[new] = value.contiguous()
    save_file(tensors, tmp_path / "pytorch_lora_weights.safetensors")
    is_close(drawn(tmp_path, decoder_folder, shapes, tmp_path), predict(unet))


def test_an_alpha_beside_an_update_scales_it(decoder_folder, shapes, tmp_path):
    unet = tuned_unet(decoder_folder, lora_alpha=2)
    tensors = get_peft_model_state_dict(unet, adapter_name="default")
    modules = {key.rpartition(".lora_")[0] for key in tensors}
    alphas = {f"unet.{module}.alpha": torch.tensor(2.0) for module in modules}
    save_file({**{f"unet.{key}": value for key, value in tensors.items()}, **alphas}, tmp_path / "a.safetensors")
    is_close(drawn(tmp_path / "a.safetensors", decoder_folder, shapes, tmp_path), predict(unet))


@pytest.fixture
def plain(decoder_folder, tmp_path):
    """A LoRA's file and its tensors."""
    tuned_unet(decoder_folder).save_lora_adapter(tmp_path / "lora")
    file = tmp_path / "lora/pytorch_lora_weights.safetensors"
    return file, load_file(file)


def refused(file, shapes, tensors, metadata=None):
    save_file(tensors, file, metadata)
    with pytest.raises(ModelFilesInvalid) as error:
        read_lora(file, shapes)
    return error.value.cause


def test_what_is_no_lora_of_this_unet_is_refused_by_name(plain, shapes):
    file, tensors = plain
    key = "mid_block.attentions.0.to_q.lora_A.weight"
    value = tensors[key]
    assert "conv_in.weight', which is not a low-rank" in refused(file, shapes, {"conv_in.weight": value})
    assert "it is empty" in refused(file, shapes, {})
    assert "update of mid_block.attentions.0.to_q is incomplete" in refused(file, shapes, {key: value})
    foreign = {f"text_model.to_q.lora_{side}.weight": torch.ones(4, 4) for side in "AB"}
    assert "changes text_model.to_q, and the UNet of this stack has no such layer" in refused(file, shapes, foreign)
    conv = {f"conv_in.lora_{side}.weight": torch.ones(4, 4) for side in "AB"}
    assert "changes conv_in, and the UNet" in refused(file, shapes, conv)
    narrow = {**tensors, key: value[:, :3].contiguous()}
    assert "update of mid_block.attentions.0.to_q has the shapes" in refused(file, shapes, narrow)
    assert "NaN or infinite values" in refused(file, shapes, {**tensors, key: value * torch.nan})
    magnitude = key.replace("lora_A.weight", "lora_magnitude_vector")
    other = next(each for each in tensors if "lora_A" in each and each != key).removesuffix(".lora_A.weight")
    assert f"update of {other} is incomplete" in refused(file, shapes, {**tensors, magnitude: torch.ones(32)})
    stray = {**tensors, "mid_block.attentions.0.nothing.alpha": torch.tensor(1.0)}
    assert "the alpha of mid_block.attentions.0.nothing" in refused(file, shapes, stray)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"peft_type": "LOHA"}, "it is 'LOHA', not LoRA"),
        ({"use_dora": True}, "its use_dora is True, and it has no magnitudes"),
        ({"bias": "all"}, "its bias is 'all', and only 'none' is supported"),
        ({"lora_alpha": "much"}, "its alphas are not numbers"),
        ({"alpha_pattern": {"(a+)+$": 3}}, "which is not the name of a module"),
        ([1], "its metadata is not a table"),
    ],
)
def test_settings_that_would_draw_something_else_are_refused(plain, shapes, config, said):
    file, tensors = plain
    assert said in refused(file, shapes, tensors, {"lora_adapter_metadata": json.dumps(config)})


def test_metadata_that_is_no_json_is_refused(plain, shapes):
    assert "its metadata cannot be read" in refused(*plain[:1], shapes, plain[1], {"lora_adapter_metadata": "{"})


def test_files_that_could_run_code_and_folders_without_a_lora_are_refused(tmp_path):
    with pytest.raises(ModelFilesMissing, match=r"has no adapter_model\.safetensors or pytorch_lora_weights"):
        find_lora(tmp_path)
    (tmp_path / "pytorch_lora_weights.bin").touch()
    for path in (tmp_path, tmp_path / "pytorch_lora_weights.bin"):
        with pytest.raises(ModelFilesInvalid, match="is no safetensors file, and other files can run code"):
            find_lora(path)
    (tmp_path / "anything.safetensors").touch()
    assert find_lora(tmp_path) == tmp_path / "anything.safetensors"
