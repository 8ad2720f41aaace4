"""A LoRA of any shape is put on a UNet, learns, and comes off without a trace."""

import pytest
import torch

from lambda_studio.models.adapters.adapter import adapted, save_adapter
from lambda_studio.models.adapters.information import AdapterInfo
from lambda_studio.models.adapters.lora.attaching import (
    add_lora,
    lora_layers,
    lora_parameters,
    lora_tensors,
    remove_lora,
    without_updates,
)
from lambda_studio.models.adapters.lora.shape import TARGETS, LoraShape, is_target
from lambda_studio.models.decoders.kandinsky import load_decoder
from tests.lambda_studio.models.adapters.lora.shapes import SHAPES, metadata
from tests.lambda_studio.models.exchange.loras import predict


def disturbed(unet, shape):
    """The UNet with a LoRA that changes what it predicts."""
    add_lora(unet, shape)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in lora_parameters(unet):
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    return unet.eval()


def bits(unet):
    return {key: value.numpy().tobytes() for key, value in unet.state_dict().items()}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_new_lora_changes_nothing_and_comes_off_bit_for_bit(decoder_folder, shape) -> None:
    unet = load_decoder(decoder_folder).unet
    before, expected = bits(unet), predict(unet)
    add_lora(unet, shape)
    torch.testing.assert_close(predict(unet), expected, rtol=0, atol=1e-6)
    trained = {name for name, parameter in unet.named_parameters() if parameter.requires_grad}
    assert all(is_target(name.partition(".lora_")[0], TARGETS[shape.targets]) for name in trained)
    assert any("magnitude" in name for name in trained) == shape.use_dora
    remove_lora(unet)
    assert bits(unet) == before
    assert torch.equal(predict(unet), expected)


@pytest.mark.parametrize("shape", SHAPES)
def test_without_its_updates_the_unet_is_what_it_was_for_a_moment(decoder_folder, shape) -> None:
    unet = load_decoder(decoder_folder).unet
    expected = predict(unet)
    disturbed(unet, shape)
    learnt = predict(unet)
    with without_updates(lora_layers(unet)):
        torch.testing.assert_close(predict(unet), expected, rtol=0, atol=1e-6)
    assert torch.equal(predict(unet), learnt) and not torch.allclose(learnt, expected, atol=1e-3)
    assert all(parameter.requires_grad for parameter in lora_parameters(unet)), "they are still trained"
    with pytest.raises(KeyboardInterrupt), without_updates(lora_layers(unet)):
        raise KeyboardInterrupt
    assert torch.equal(predict(unet), learnt)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", SHAPES)
def test_an_applied_file_draws_what_was_trained_and_leaves_the_unet_bit_for_bit(
    decoder_folder, tmp_path, shape, dtype
) -> None:
    trained = disturbed(load_decoder(decoder_folder).unet, shape)
    decoder = load_decoder(decoder_folder, dtype=dtype)
    info = AdapterInfo("lora", 4, "tiny", decoder.fingerprints["unet"], (), {}, **metadata(shape))
    save_adapter(trained, info, tmp_path / "a.safetensors")
    before = {key: value.clone() for key, value in decoder.unet.state_dict().items()}
    plain = predict(load_decoder(decoder_folder).unet)
    with adapted(decoder, tmp_path / "a.safetensors"):
        changed = [key for key, value in decoder.unet.state_dict().items() if not torch.equal(value, before[key])]
        drawn = predict(decoder.unet.float())
    decoder.unet.to(dtype)
    assert len(changed) == len(lora_tensors(trained)) // (3 if shape.use_dora else 2)
    torch.testing.assert_close(drawn, predict(trained), rtol=0, atol=1e-4 if dtype is torch.float32 else 0.3)
    assert not torch.allclose(drawn, plain, atol=1e-2)
    assert all(torch.equal(value, before[key]) for key, value in decoder.unet.state_dict().items())


def test_dropout_drops_in_training_only(decoder_folder) -> None:
    unet = disturbed(load_decoder(decoder_folder).unet, LoraShape(4, lora_dropout=0.5))
    without = disturbed(load_decoder(decoder_folder).unet, LoraShape(4))
    assert torch.equal(predict(unet), predict(without))
    unet.train()
    assert not torch.allclose(predict(unet), predict(without), atol=1e-3)
