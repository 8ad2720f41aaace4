"""Adapters go in and out, and hostile files stay out."""

import hashlib
import struct
from dataclasses import replace

import pytest
import torch
from diffusers.models.attention_processor import Attention
from safetensors.torch import load_file, save_file

from lambda_studio.errors import CheckpointFailed, ModelFilesInvalid
from lambda_studio.models.adapters import adapter
from lambda_studio.models.adapters.adapter import adapted, apply_adapter, save_adapter
from lambda_studio.models.adapters.information import AdapterInfo, read_adapter_info
from lambda_studio.models.adapters.lora.attaching import add_lora, lora_parameters, remove_lora
from lambda_studio.models.adapters.lora.shape import LoraShape
from lambda_studio.models.decoders.kandinsky import load_decoder
from lambda_studio.models.memory.live_bytes import LiveBytes, weight_bytes

REX = {"name": "rex", "library": "default", "version": 2, "manifest": "ab" * 32}


@pytest.fixture
def decoder(decoder_folder):
    return load_decoder(decoder_folder)


@pytest.fixture
def info(decoder):
    return AdapterInfo(
        method="lora",
        rank=4,
        stack="tiny",
        base_fingerprint=decoder.fingerprints["unet"],
        concepts=(REX,),
        settings={"steps": 3, "learning_rate": 1e-4},
    )


@pytest.fixture
def lora_file(decoder_folder, info, tmp_path):
    """An adapter whose updates are not zero."""
    unet = load_decoder(decoder_folder).unet
    add_lora(unet, LoraShape(info.rank))
    disturb(lora_parameters(unet))
    save_adapter(unet, info, tmp_path / "lora.safetensors")
    return tmp_path / "lora.safetensors"


def disturb(parameters):
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in parameters:
            parameter += 0.2 * torch.randn(parameter.shape, generator=generator)


def predict(unet):
    generator = torch.Generator().manual_seed(1)
    latents, embeds = torch.randn(2, 4, 8, 8, generator=generator), torch.randn(2, 32, generator=generator)
    with torch.no_grad():
        return unet(latents, torch.tensor(500), None, added_cond_kwargs={"image_embeds": embeds}).sample


def bits(unet):
    return {key: value.numpy().tobytes() for key, value in unet.state_dict().items()}


def rewrite(file, tensors=None, info=None, metadata=None):
    """The same adapter file with something else in it."""
    metadata = metadata or {"lambda_studio": (info or read_adapter_info(file)).to_json()}
    save_file(load_file(file) if tensors is None else tensors, file, metadata=metadata)
    return file


def write_raw(file, header: bytes, data: bytes = b""):
    file.write_bytes(struct.pack("<Q", len(header)) + header + data)
    return file


def test_lora_sits_on_every_attention_projection_and_nothing_else_trains(decoder):
    unet = decoder.unet
    attentions = [module for module in unet.modules() if isinstance(module, Attention)]
    projections = sum(isinstance(module, torch.nn.Linear) for each in attentions for module in each.modules())
    add_lora(unet, LoraShape(4))
    assert len(attentions) == 4 and projections == 4 * 6  # q, k, v, out, and the added k and v
    assert len(lora_parameters(unet)) == 2 * projections
    trained = [parameter for parameter in unet.parameters() if parameter.requires_grad]
    assert {id(each) for each in trained} == {id(each) for each in lora_parameters(unet)}
    assert sum("add_k_proj" in name and "lora_A" in name for name, _ in unet.named_parameters()) == 4


def test_new_lora_changes_nothing_and_comes_off_bit_for_bit(decoder):
    before, expected = bits(decoder.unet), predict(decoder.unet)
    add_lora(decoder.unet, LoraShape(4))
    assert torch.equal(predict(decoder.unet), expected)
    disturb(lora_parameters(decoder.unet))
    assert not torch.allclose(predict(decoder.unet), expected, atol=1e-3)
    remove_lora(decoder.unet)
    assert bits(decoder.unet) == before
    assert torch.equal(predict(decoder.unet), expected)
    assert lora_parameters(decoder.unet) == []


def test_lora_starts_the_same_from_the_same_seed_and_leaves_the_global_one_alone(decoder_folder):
    torch.manual_seed(5)
    expected = torch.rand(1)
    starts = []
    for seed in (0, 0, 1):
        unet = load_decoder(decoder_folder).unet
        torch.manual_seed(5)
        add_lora(unet, LoraShape(4), seed)
        assert torch.equal(torch.rand(1), expected)
        starts.append(torch.cat([parameter.flatten() for parameter in lora_parameters(unet)]))
    assert torch.equal(starts[0], starts[1])
    assert not torch.equal(starts[0], starts[2])


def test_lora_trains_in_float32_on_a_half_precision_base(decoder_folder):
    unet = load_decoder(decoder_folder, dtype=torch.bfloat16).unet
    add_lora(unet, LoraShape(4))
    assert {parameter.dtype for parameter in lora_parameters(unet)} == {torch.float32}


def test_an_applied_adapter_draws_what_was_trained(decoder_folder, decoder, info, tmp_path):
    trained = load_decoder(decoder_folder).unet
    add_lora(trained, LoraShape(info.rank))
    disturb(lora_parameters(trained))
    save_adapter(trained, info, tmp_path / "a.safetensors")
    before = predict(decoder.unet)
    apply_adapter(decoder.unet, tmp_path / "a.safetensors", info.base_fingerprint)
    torch.testing.assert_close(predict(decoder.unet), predict(trained), rtol=0, atol=1e-5)
    assert not torch.allclose(predict(decoder.unet), before, atol=1e-3)


def test_adapted_leaves_the_model_as_it_was(decoder, lora_file):
    before, pointers = bits(decoder.unet), [parameter.data_ptr() for parameter in decoder.unet.parameters()]
    with adapted(decoder, lora_file) as tuned:
        assert tuned is decoder
        assert bits(decoder.unet) != before
    assert bits(decoder.unet) == before
    assert [parameter.data_ptr() for parameter in decoder.unet.parameters()] == pointers
    with pytest.raises(ZeroDivisionError), adapted(decoder, lora_file):
        _ = 1 / 0
    assert bits(decoder.unet) == before
    with adapted(decoder, None):
        assert bits(decoder.unet) == before


def test_a_full_adapter_is_the_whole_unet(decoder_folder, decoder, info, tmp_path):
    trained = load_decoder(decoder_folder).unet
    disturb(trained.parameters())
    info = replace(info, method="full", rank=0)
    save_adapter(trained, info, tmp_path / "full.safetensors")
    before = bits(decoder.unet)
    with adapted(decoder, tmp_path / "full.safetensors"):
        assert bits(decoder.unet) == bits(trained)
        assert torch.equal(predict(decoder.unet), predict(trained))
    assert bits(decoder.unet) == before


@pytest.mark.parametrize("method", ["lora", "full"])
def test_an_applied_adapter_takes_no_more_memory_of_a_gpu(decoder_folder, info, tmp_path, monkeypatch, method):
    """The originals wait elsewhere: here in NumPy's memory, as those of a GPU in the CPU's."""
    trained, unet = (load_decoder(decoder_folder, dtype=torch.float64).unet for _ in range(2))
    if method == "lora":
        add_lora(trained, LoraShape(info.rank))
    disturb(lora_parameters(trained) if method == "lora" else trained.parameters())
    save_adapter(trained.float(), replace(info, method=method), tmp_path / "a.safetensors")
    before = bits(unet)
    monkeypatch.setattr(adapter, "set_aside", lambda tensor: OnTheCpu(tensor))
    with LiveBytes([]) as counted:
        for parameter in unet.parameters():
            parameter.data = parameter.data.clone()
        whole, counted.peak = counted.live, counted.live
        undo = apply_adapter(unet, tmp_path / "a.safetensors")
        applied, highest = counted.live, counted.peak
        undo()
    assert bits(unet) == before
    assert whole == weight_bytes(unet) and applied == whole
    of_the_file = (tmp_path / "a.safetensors").stat().st_size  # read into the CPU's memory, also for a GPU
    assert highest < 1.3 * whole + of_the_file, "one tensor after the other"


class OnTheCpu:
    """A tensor's values in NumPy's memory, which is not counted."""

    def __init__(self, tensor):
        self.values = tensor.numpy().copy()

    def to(self, device):
        return torch.from_numpy(self.values).to(device)


def test_an_adapter_that_fails_on_the_way_leaves_the_unet_as_it_was(decoder, lora_file, monkeypatch):
    before, kept = bits(decoder.unet), []

    def interrupted(tensor):
        kept.append(tensor)
        if len(kept) == 3:
            raise KeyboardInterrupt
        return tensor

    monkeypatch.setattr(adapter, "set_aside", interrupted)
    with pytest.raises(KeyboardInterrupt):
        apply_adapter(decoder.unet, lora_file)
    assert bits(decoder.unet) == before


def test_a_file_says_what_it_is_and_the_same_adapter_is_the_same_bytes(decoder, info, tmp_path):
    add_lora(decoder.unet, LoraShape(info.rank))
    first = save_adapter(decoder.unet, info, tmp_path / "a.safetensors")
    second = save_adapter(decoder.unet, info, tmp_path / "b.safetensors")
    content = (tmp_path / "a.safetensors").read_bytes()
    assert first == second == hashlib.sha256(content).hexdigest()
    assert content == (tmp_path / "b.safetensors").read_bytes()
    assert read_adapter_info(tmp_path / "a.safetensors") == info
    assert (tmp_path / "a.safetensors").stat().st_mode & 0o777 == 0o644
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.safetensors", "b.safetensors"]


def test_a_save_that_fails_leaves_what_was_there(decoder, info, tmp_path, monkeypatch):
    add_lora(decoder.unet, LoraShape(info.rank))
    save_adapter(decoder.unet, info, tmp_path / "a.safetensors")
    before = (tmp_path / "a.safetensors").read_bytes()

    def full_disk(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    disturb(lora_parameters(decoder.unet))
    with pytest.raises(CheckpointFailed, match=r"could not be written .*: No space left .*resume=True"):
        save_adapter(decoder.unet, info, tmp_path / "a.safetensors")
    assert [file.name for file in tmp_path.iterdir()] == ["a.safetensors"]
    assert (tmp_path / "a.safetensors").read_bytes() == before


def test_weights_that_are_not_numbers_are_not_saved(decoder, info, tmp_path):
    add_lora(decoder.unet, LoraShape(info.rank))
    with torch.no_grad():
        lora_parameters(decoder.unet)[0].fill_(torch.inf)
    with pytest.raises(ModelFilesInvalid, match="NaN or infinite values"):
        save_adapter(decoder.unet, info, tmp_path / "a.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_an_adapter_of_another_base_is_refused_with_what_it_was_made_for(decoder, lora_file):
    with pytest.raises(ModelFilesInvalid) as error:
        apply_adapter(decoder.unet, lora_file, "0" * 64)
    assert "made for another decoder: stack 'tiny'" in error.value.cause
    assert decoder.fingerprints["unet"][:12] in error.value.cause
    assert error.value.remedy == "Use it with stack=tiny, or fine-tune again on this stack."


def nan_update(tensors):
    key = min(tensors)
    return {**tensors, key: torch.full_like(tensors[key], torch.nan)}


def wrong_shape(tensors):
    key = next(key for key in tensors if "lora_B" in key)
    return {**tensors, key: torch.zeros(7, 4)}


def wrong_rank(tensors):
    return {key: value[:2].clone() if "lora_A" in key else value[:, :2].clone() for key, value in tensors.items()}


def update_of(module):
    return {f"{module}.lora_A.weight": torch.zeros(4, 16), f"{module}.lora_B.weight": torch.zeros(64, 4)}


def half_a_pair(tensors):
    return {key: value for key, value in tensors.items() if key != min(tensors)}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (nan_update, "has NaN or infinite values"),
        (wrong_shape, "has the shapes"),
        (wrong_rank, "has the shapes"),
        (half_a_pair, "is incomplete"),
        (lambda tensors: {}, "it is empty"),
        (lambda tensors: {**tensors, "conv_in.weight": torch.zeros(3)}, "which is not a low-rank update"),
        (
            lambda tensors: update_of("nowhere.to_q"),
            r"no layer nowhere\.to_q that a LoRA may change",
        ),
        (
            lambda tensors: update_of("time_embedding.linear_1"),
            r"no layer time_embedding\.linear_1 that",
        ),
        (lambda tensors: {key: value.to(torch.int32) for key, value in tensors.items()}, r"is torch\.int32"),
    ],
)
def test_tensors_that_do_not_fit_are_refused_and_the_unet_stays(decoder, lora_file, change, said):
    before = bits(decoder.unet)
    rewrite(lora_file, change(load_file(lora_file)))
    with pytest.raises(ModelFilesInvalid, match=said) as error:
        apply_adapter(decoder.unet, lora_file, decoder.fingerprints["unet"])
    assert error.value.cause.startswith("lora.safetensors is not a usable adapter: ")
    assert bits(decoder.unet) == before


def test_a_full_adapter_of_another_unet_is_refused(decoder, info, lora_file):
    before = bits(decoder.unet)
    tensors = decoder.unet.state_dict()
    for wrong in ({**tensors, "conv_in.bias": torch.zeros(3)}, {**tensors, "more": torch.zeros(1)}):
        rewrite(lora_file, wrong, replace(info, method="full", rank=0))
        with pytest.raises(
            ModelFilesInvalid, match=r"1 of its tensors do not fit this UNet, such as (conv_in\.bias|more)"
        ):
            apply_adapter(decoder.unet, lora_file, decoder.fingerprints["unet"])
    assert bits(decoder.unet) == before


def test_cut_off_tensors_are_refused(decoder, lora_file):
    lora_file.write_bytes(lora_file.read_bytes()[:-10])
    with pytest.raises(ModelFilesInvalid, match="not a usable adapter"):
        apply_adapter(decoder.unet, lora_file, decoder.fingerprints["unet"])
