"""A second, tiny family of decoders: stacks, generation and adapters work with one that is not Kandinsky."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.loaders.peft import PeftAdapterMixin
from diffusers.models.modeling_utils import ModelMixin
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from torch import nn

from lambda_studio.config import GenerateConfig, require
from lambda_studio.errors import InvalidSetting
from lambda_studio.generation.generator import PictureRequest, draw
from lambda_studio.generation.prompt import bind
from lambda_studio.generation.template import parse
from lambda_studio.models.adapters.adapter import save_adapter
from lambda_studio.models.adapters.information import AdapterInfo
from lambda_studio.models.adapters.lora.attaching import add_lora, lora_parameters, remove_lora
from lambda_studio.models.adapters.lora.shape import ATTENTION, TARGETS, LoraShape
from lambda_studio.models.decoders import families, kandinsky
from lambda_studio.models.decoders.protocol import BOTH_PARTS, Decoder, Family, first_weight
from lambda_studio.models.files.pretrained import load_model
from lambda_studio.models.files.weights import model_fingerprint
from lambda_studio.models.stacks.stack import Stack, from_toml

SIDE, SCALE = 16, 2
CONFIG = GenerateConfig(num_inference_steps=3, guidance_scale=2.0)


class Pixels(ModelMixin, ConfigMixin, PeftAdapterMixin):
    """A network of three channels, which is told an embedding and how loud to be."""

    @register_to_config
    def __init__(self, dim: int = 32):
        super().__init__()
        self.attention = nn.ModuleDict({"to_q": nn.Linear(3, 3)})
        self.told = nn.Linear(dim, 3)

    def forward(self, latents, timesteps, embeds, loudness):
        noise = self.attention["to_q"](latents.movedim(1, -1)).movedim(-1, 1)
        level = timesteps.expand(len(latents)).to(latents) / 1000
        return noise + (self.told(embeds) * loudness * level[:, None])[..., None, None]


class HalfSize:
    """Latents are pictures of half the size: no network encodes or decodes them."""

    learns_variance, settings, needs = False, {}, frozenset()

    def __init__(self, unet, autoencoder, fingerprints):
        self._unet, self._autoencoder, self.fingerprints = unet, autoencoder, fingerprints
        self.scheduler, self.scale_factor, self.resolution = DDIMScheduler(prediction_type="v_prediction"), SCALE, SIDE

    @property
    def unet(self):
        return self._unet

    @property
    def parts(self):
        return frozenset(part for part, held in zip(BOTH_PARTS, (self._unet, self._autoencoder), strict=True) if held)

    @property
    def networks(self):
        return [self._unet] if self._unet else []

    def latent_shape(self, size):
        require(size.width % SCALE == 0, f"The width is {size.width}.", "Give an even one.")
        return 3, size.height // SCALE, size.width // SCALE

    def condition(self, image_embeds, generators=None):
        embeds = F.normalize(image_embeds.to(self.unet.device, self.unet.dtype), dim=-1)
        return {"embeds": embeds, "loudness": torch.full((len(embeds), 1), 3.0)}

    def no_picture(self, zero_image_embeds):
        return zero_image_embeds

    def encode(self, pixels):
        return 2 * F.avg_pool2d(pixels, SCALE) - 1

    def denoise(self, noisy_latents, timesteps, condition, unet=None, variance=False):
        return (unet or self.unet)(noisy_latents, timesteps, condition["embeds"], condition["loudness"])

    def decode(self, latents, in_tiles=False, generators=None):
        return F.interpolate(latents / 2 + 0.5, scale_factor=SCALE).clamp(0, 1)

    def joined(self, other):
        return HalfSize(
            self._unet or other._unet, self._autoencoder or other._autoencoder, self.fingerprints | other.fingerprints
        )

    def without(self, part):
        kept = [None if name == part else held for name, held in zip(BOTH_PARTS, (self._unet, True), strict=True)]
        return HalfSize(*kept, self.fingerprints)


def find(source, parts):
    name = "diffusion_pytorch_model.safetensors"
    return {part: source.get([name]) for part in parts}


def fingerprints(source):
    return {"unet": model_fingerprint(find(source, ["unet"])["unet"]), "autoencoder": "half-size"}


def load(source, device, dtype, parts):
    unet = load_model(Pixels, Path(source.place), device, dtype) if "unet" in parts else None
    said = {part: said for part, said in fingerprints(source).items() if part in parts}
    return HalfSize(unet, "autoencoder" in parts, said)


@pytest.fixture
def stack(tmp_path, monkeypatch, stack_file, decoder_folder):
    """A stack whose file names the second family; its CLIP and prior are the usual tiny ones."""
    monkeypatch.setitem(families.FAMILIES, "pixels", lambda: Family(find, fingerprints, lambda source: SIDE, load))
    torch.manual_seed(3)
    Pixels().save_pretrained(tmp_path / "pixels")
    file = tmp_path / "pixels.toml"
    text = stack_file.read_text().replace(decoder_folder.as_posix(), (tmp_path / "pixels").as_posix())
    file.write_text(text + 'family = "pixels"\n')
    return Stack(from_toml(file), device="cpu")


def drawn(stack, adapter=None, config=CONFIG):
    prompt = bind(parse("a <rex>"), {"rex": "dog"}, stack.tokenizer)
    rex = torch.randn(32, generator=torch.Generator().manual_seed(1))
    requests = [PictureRequest(prompt, seed, {"rex": rex}) for seed in (5, 6)]
    return [picture.pixels for picture in draw(stack, requests, torch.zeros(32), config, adapter)]


def test_both_families_are_decoders(stack, decoder_folder):
    assert isinstance(stack.decoder(), Decoder)
    for part in BOTH_PARTS:
        one = kandinsky.load_decoder(decoder_folder, parts=(part,))
        assert isinstance(one, Decoder), "also where a part is not loaded"


def test_a_stack_loads_frees_and_identifies_its_parts(stack):
    said = stack.fingerprints()
    assert not stack.loaded and said["autoencoder"] == "half-size"
    assert stack.decoder(("autoencoder",)).parts == {"autoencoder"}
    decoder = stack.decoder()
    assert isinstance(decoder, HalfSize) and decoder.parts == {"unet", "autoencoder"}
    assert decoder.fingerprints == {"unet": said["decoder"], "autoencoder": "half-size"}
    assert stack.resolution == SIDE
    stack.free("unet")
    assert stack.decoder(("autoencoder",)).parts == {"autoencoder"}
    stack.require_fetched()


def test_pictures_are_drawn_at_its_own_scale_and_under_its_own_condition(stack):
    first, second = drawn(stack)
    assert first.shape == (3, SIDE, SIDE) and not torch.equal(first, second)
    larger = drawn(stack, config=GenerateConfig(num_inference_steps=1, resolution=32))
    assert larger[0].shape == (3, 32, 32)
    wide = drawn(stack, config=GenerateConfig(num_inference_steps=1, width=32))
    assert wide[0].shape == (3, SIDE, 32)
    with pytest.raises(InvalidSetting, match=r"The width is 33\. Give an even one\."):
        drawn(stack, config=GenerateConfig(resolution=33))


@pytest.mark.parametrize("method", ["lora", "full"])
def test_an_adapter_changes_its_pictures_and_is_gone_afterwards(stack, tmp_path, method):
    before = drawn(stack)
    unet = load_model(Pixels, Path(stack.spec.decoder), "cpu", torch.float32)
    if method == "lora":
        add_lora(unet, LoraShape(2))
    with torch.no_grad():
        for parameter in lora_parameters(unet) if method == "lora" else unet.parameters():
            parameter += 0.3
    info = AdapterInfo(method, 2, "tiny", stack.fingerprints()["decoder"], ({"name": "rex"},), {})
    save_adapter(unet, info, tmp_path / "rex.safetensors")
    assert not torch.allclose(drawn(stack, tmp_path / "rex.safetensors")[0], before[0], atol=1e-3)
    assert torch.equal(drawn(stack)[0], before[0])
    if method == "lora":
        remove_lora(unet)
        assert not lora_parameters(unet)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_first_weight_is_the_bases_also_under_a_lora_on_the_first_layer(decoder_folder, monkeypatch, dtype):
    unet = kandinsky.load_decoder(decoder_folder, dtype=dtype, parts=("unet",)).unet
    first = unet.conv_in.weight
    assert first_weight(unet) is first
    assert (first.device, first.dtype) == (unet.device, unet.dtype) == (torch.device("cpu"), dtype)
    monkeypatch.setitem(TARGETS, "attention", (*ATTENTION, "conv_in"))
    add_lora(unet, LoraShape(2, use_dora=True))
    assert {parameter.dtype for parameter in lora_parameters(unet)} == {torch.float32}
    assert unet.conv_in.base_layer.weight is first and first_weight(unet) is first
    assert unet.dtype == dtype
