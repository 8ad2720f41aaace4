"""Adapters that are scaled and added: the sums, and a UNet that is afterwards what it was."""

from itertools import permutations

import pytest
import torch
from safetensors.torch import load_file, save_file

from lambda_studio.errors import ModelFilesInvalid
from lambda_studio.models.adapters.adapter import ScaledFile, adapted, apply_adapters
from lambda_studio.models.adapters.information import read_adapter_info
from lambda_studio.models.decoders.kandinsky import load_decoder
from tests.lambda_studio.models.adapters.kinds import KINDS, are_bits, weights, write_kind


@pytest.fixture
def file(decoder_folder, tmp_path):
    """Write an adapter of a kind once, and give its path."""

    def made(kind: str, seed: int = 0):
        path = tmp_path / f"{kind}-{seed}.safetensors".replace(" ", "-")
        return path if path.exists() else write_kind(decoder_folder, kind, path, seed)

    return made


@pytest.fixture
def with_adapters(decoder_folder):
    """The weights of the tiny UNet with adapters. After that, the UNet is what it was, bit for bit."""

    def applied(*adapters: ScaledFile, dtype=torch.float32):
        decoder = load_decoder(decoder_folder, dtype=dtype)
        before = weights(decoder.unet)
        pointers = [parameter.data_ptr() for parameter in decoder.unet.parameters()]
        with adapted(decoder, adapters):
            changed = weights(decoder.unet)
        assert are_bits(decoder.unet, before)
        assert [parameter.data_ptr() for parameter in decoder.unet.parameters()] == pointers
        return changed

    return applied


def close(found, expected) -> None:
    assert found.keys() == expected.keys()
    for name, weight in found.items():
        torch.testing.assert_close(weight, expected[name], rtol=0, atol=2e-6, msg=lambda said, name=name: name + said)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", [0.5, -0.7, 2.0])
def test_a_scale_moves_every_weight_along_the_adapters_update(file, with_adapters, kind, scale) -> None:
    base, whole = with_adapters(), with_adapters(ScaledFile(file(kind)))
    scaled = with_adapters(ScaledFile(file(kind), scale))
    close(scaled, {name: weight + scale * (whole[name] - weight) for name, weight in base.items()})
    assert any(not torch.allclose(scaled[name], weight, atol=1e-3) for name, weight in base.items())


@pytest.mark.parametrize("kind", KINDS)
def test_a_scale_of_nothing_is_the_model_and_one_of_one_the_adapter(file, with_adapters, kind) -> None:
    path, base = file(kind), with_adapters()
    nothing, whole = with_adapters(ScaledFile(path, 0.0)), with_adapters(ScaledFile(path))
    assert all(torch.equal(nothing[name], weight) for name, weight in base.items())
    again = with_adapters(ScaledFile(path), ScaledFile(path, 0.0))
    assert all(torch.equal(whole[name], again[name]) for name in base)
    assert any(not torch.allclose(whole[name], weight, atol=1e-3) for name, weight in base.items())


@pytest.mark.parametrize("kinds", [*permutations(["lora", "dora", "full"], 2), ("lora", "lora"), ("full", "full")])
def test_several_adapters_are_the_sum_of_their_updates_in_any_order(file, with_adapters, kinds) -> None:
    (one, first), (two, second) = (ScaledFile(file(kinds[0], 1), 0.8), 0.8), (ScaledFile(file(kinds[1], 2), 0.5), 0.5)
    base = with_adapters()
    alone = [with_adapters(ScaledFile(each.path)) for each in (one, two)]
    both = with_adapters(one, two)
    sums = {
        name: weight + first * (alone[0][name] - weight) + second * (alone[1][name] - weight)
        for name, weight in base.items()
    }
    close(both, sums)
    close(with_adapters(two, one), both)


def test_a_full_adapter_alone_is_its_file_to_the_bit(file, with_adapters) -> None:
    """A difference and a sum would round away weights that are far smaller than the decoder's."""
    path = file("full")
    small = {name: 1e-9 * tensor for name, tensor in load_file(path).items()}
    save_file(small, path, metadata={"lambda_studio": read_adapter_info(path).to_json()})
    found = with_adapters(ScaledFile(path))
    assert all(torch.equal(found[name], tensor) for name, tensor in small.items())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_mixture_of_all_kinds_leaves_a_model_of_half_precision_bit_for_bit(file, with_adapters, dtype) -> None:
    every = [ScaledFile(file(kind), 0.3) for kind in KINDS]
    mixed, base = with_adapters(*every, dtype=dtype), with_adapters(dtype=dtype)
    assert {weight.dtype for weight in mixed.values()} == {dtype}
    exact = with_adapters(*every)
    for name, weight in mixed.items():
        torch.testing.assert_close(weight.float(), exact[name], rtol=2**-7, atol=2**-7)
    assert any(not torch.equal(mixed[name], weight) for name, weight in base.items())


def test_one_rounding_for_all_and_not_one_for_each(file, with_adapters) -> None:
    """Two updates that each vanish in bf16 are seen together: the sum is taken in float32."""
    small = [ScaledFile(file("lora", seed), 0.02) for seed in (1, 2)]
    exact = with_adapters(*small)
    base = with_adapters(dtype=torch.bfloat16)
    name = next(name for name, weight in with_adapters().items() if not torch.equal(weight, exact[name]))
    update = exact[name] - with_adapters()[name]
    together = with_adapters(*small, dtype=torch.bfloat16)[name]
    assert torch.equal(together, (base[name].float() + update).bfloat16())


def test_a_file_that_does_not_fit_leaves_the_model_as_it_was(decoder_folder, file) -> None:
    decoder = load_decoder(decoder_folder)
    before = weights(decoder.unet)
    broken = file("full", 3)
    broken.write_bytes(broken.read_bytes()[:-4])
    with pytest.raises(ModelFilesInvalid, match=r"full-3\.safetensors is not a usable adapter"):
        apply_adapters(decoder.unet, [ScaledFile(file("lora")), ScaledFile(broken)])
    assert are_bits(decoder.unet, before)


def test_a_sum_that_overflows_is_refused_with_the_file_and_undone(decoder_folder, file) -> None:
    decoder = load_decoder(decoder_folder, dtype=torch.float16)
    with torch.no_grad():
        for parameter in decoder.unet.parameters():
            parameter.fill_(65504.0)
    before = weights(decoder.unet)
    with pytest.raises(ModelFilesInvalid, match=r"lora-0\.safetensors .* has NaN or infinite values"):
        apply_adapters(decoder.unet, [ScaledFile(file("lora"), 10.0)] * 20)
    assert are_bits(decoder.unet, before)
