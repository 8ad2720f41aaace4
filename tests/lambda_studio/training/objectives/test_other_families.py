"""Eq. 2 on decoders that are not Kandinsky's: the loss's target, its gradients, and some steps of the trainer."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor
from transformers import CLIPTextModel, CLIPTextModelWithProjection

from lambda_studio.config import FinetuneConfig, Size
from lambda_studio.errors import ResumeRefused
from lambda_studio.models.adapters.adapter import adapted, save_adapter
from lambda_studio.models.adapters.information import AdapterInfo
from lambda_studio.models.adapters.lora.shape import Targets
from lambda_studio.models.decoders.families import get_family
from lambda_studio.models.decoders.protocol import Decoder
from lambda_studio.training.examples import Example, encode_latents
from lambda_studio.training.finetuning import finetune_decoder
from lambda_studio.training.hooks import Hooks
from lambda_studio.training.objectives.objectives import NoisedBatch, noise_prediction_loss, prediction_target
from tests.lambda_studio.models.decoders.unclip.small import DIMS, LENGTH, save_karlo, save_stable_unclip
from tests.lambda_studio.training.objectives.test_objectives import forbid_searches

FAMILIES = ("stable-unclip", "karlo")
DIM, SIDES = DIMS["l"], {"stable-unclip": 64, "karlo": 32}
TIMESTEPS = torch.tensor([0, 10, 500, 990])


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    return {"stable-unclip": save_stable_unclip(folder / "unclip", "l"), "karlo": save_karlo(folder / "karlo")}


@pytest.fixture
def loaded(folders: dict[str, Path]) -> Callable[..., Any]:
    return lambda family, **settings: get_family(family).load(folders[family], "cpu", torch.float32, **settings)


def batch_for(decoder: Decoder, side: int) -> NoisedBatch:
    generator = torch.Generator().manual_seed(4)
    shape = (len(TIMESTEPS), *decoder.latent_shape(Size.square(side)))
    latents, noise = torch.randn(2, *shape, generator=generator)
    return NoisedBatch(latents, torch.randn(len(TIMESTEPS), DIM, generator=generator), noise, TIMESTEPS)


def empty(folder: Path, pad: str) -> Tensor:
    """The token ids of an empty prompt."""
    vocabulary = json.loads((folder / "tokenizer/vocab.json").read_text())
    return torch.tensor([[vocabulary[token] for token in ("<|startoftext|>", "<|endoftext|>", *[pad] * (LENGTH - 2))]])


def stable_unclip_written_out(folder: Path, unet: Any, batch: NoisedBatch) -> Tensor:
    """The error of the velocity: of SD 2.1's schedule, at noise level 0, without noise, with an empty prompt."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    abar = torch.cumprod(1 - betas, 0)[batch.timesteps].reshape(-1, 1, 1, 1)
    x_t = abar.sqrt() * batch.latents + (1 - abar).sqrt() * batch.noise
    velocity = abar.sqrt() * batch.noise - (1 - abar).sqrt() * batch.latents
    of = load_file(folder / "image_normalizer/diffusion_pytorch_model.safetensors")
    first = torch.tensor(1 / 1000)  # squaredcos_cap_v2: ᾱ is a squared cosine, 1 at 0
    kept = (
        torch.cos((first + 0.008) / 1.008 * torch.pi / 2) / torch.cos(torch.tensor(0.008 / 1.008 * torch.pi / 2))
    ) ** 2
    embeds = kept.sqrt() * (batch.image_embeds - of["mean"]) / of["std"] * of["std"] + of["mean"]
    level = torch.cat([torch.ones(len(embeds), DIM // 2), torch.zeros(len(embeds), DIM // 2)], dim=1)  # cos 0, sin 0
    with torch.no_grad():
        text = CLIPTextModel.from_pretrained(folder / "text_encoder")(empty(folder, "!")).last_hidden_state
    output = unet(
        x_t,
        batch.timesteps,
        encoder_hidden_states=text.expand(len(embeds), -1, -1),
        class_labels=torch.cat([embeds, level], dim=1),
    ).sample
    return ((output - velocity) ** 2).mean()


def karlo_written_out(folder: Path, unet: Any, batch: NoisedBatch) -> Tensor:
    """The error of the noise, on ᾱ that is a squared cosine, with masked states of an empty prompt."""
    steps = torch.linspace(0, 1, 1001, dtype=torch.float64)
    cosines = torch.cos((steps + 0.008) / 1.008 * torch.pi / 2) ** 2
    abar = torch.cumprod((cosines[1:] / cosines[:-1]).clamp(min=0.001), 0)[batch.timesteps].float().reshape(-1, 1, 1, 1)
    x_t = abar.sqrt() * batch.latents + (1 - abar).sqrt() * batch.noise
    of = load_file(folder / "text_proj/diffusion_pytorch_model.safetensors")

    def projected(name: str, value: Tensor) -> Tensor:
        return value @ of[f"{name}.weight"].T + of[f"{name}.bias"]

    with torch.no_grad():
        said = CLIPTextModelWithProjection.from_pretrained(folder / "text_encoder")(empty(folder, "<|endoftext|>"))
        time = projected("embedding_proj", said.text_embeds)
        time = time + projected("clip_image_embeddings_project_to_time_embeddings", batch.image_embeds)
        words = projected("encoder_hidden_states_proj", said.last_hidden_state)
        norm = of["text_encoder_hidden_states_norm.weight"], of["text_encoder_hidden_states_norm.bias"]
        words = torch.nn.functional.layer_norm(words, words.shape[-1:], *norm).expand(len(time), -1, -1)
        tokens = projected("clip_extra_context_tokens_proj", batch.image_embeds).unflatten(1, (-1, 4)).mT
    mask = torch.arange(4 + LENGTH)[None].expand(len(time), -1) < 4 + 2
    states = torch.cat([tokens, words], dim=1)
    output = unet(
        x_t, batch.timesteps, encoder_hidden_states=states, class_labels=time, attention_mask=mask
    ).sample  # fmt: skip
    return ((output[:, :3] - batch.noise) ** 2).mean()


WRITTEN_OUT = {"stable-unclip": stable_unclip_written_out, "karlo": karlo_written_out}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_loss_and_its_gradients_are_those_written_out(loaded, folders, family) -> None:
    ours, plain = loaded(family), loaded(family)
    batch = batch_for(ours, SIDES[family])
    for decoder in (ours, plain):
        decoder.unet.requires_grad_(True)
    loss, expected = noise_prediction_loss(ours, batch), WRITTEN_OUT[family](folders[family], plain.unet, batch)
    loss.backward()
    expected.backward()
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-7)
    gradients = dict(ours.unet.named_parameters())
    trained = 0
    for name, parameter in plain.unet.named_parameters():
        if parameter.grad is not None:
            torch.testing.assert_close(gradients[name].grad, parameter.grad, rtol=1e-3, atol=1e-6, msg=name)
            trained += 1
    assert trained > 50 and gradients["conv_in.weight"].grad.abs().max() > 0


@pytest.mark.parametrize("family", FAMILIES)
def test_a_loss_finds_the_format_of_its_inputs_without_a_search(folders, monkeypatch, family) -> None:
    decoder, seen = get_family(family).load(folders[family], "cpu", torch.bfloat16), []
    decoder.unet.register_forward_pre_hook(lambda _, given: seen.append(given[0].dtype))
    forbid_searches(monkeypatch)
    noise_prediction_loss(decoder, batch_for(decoder, SIDES[family]))
    assert seen == [torch.bfloat16]


def test_the_target_follows_what_the_schedule_says_that_is_predicted(loaded) -> None:
    decoder = loaded("stable-unclip")
    batch = batch_for(decoder, 64)
    alphas = decoder.scheduler.alphas_cumprod[batch.timesteps].reshape(-1, 1, 1, 1)
    velocity = alphas.sqrt() * batch.noise - (1 - alphas).sqrt() * batch.latents
    expected = {"v_prediction": velocity, "epsilon": batch.noise, "sample": batch.latents}
    for kind, target in expected.items():
        scheduler = type(decoder.scheduler).from_config(decoder.scheduler.config, prediction_type=kind)
        torch.testing.assert_close(prediction_target(scheduler, batch), target)
    assert decoder.scheduler.config.prediction_type == "v_prediction"


def examples(decoder: Decoder, side: int) -> list[Example]:
    """Two pictures, encoded by the decoder itself."""
    pictures = [Image.new("RGB", (side, side), colour) for colour in ("red", "navy")]
    latents = encode_latents(decoder, pictures, Size.square(side))
    embeds = torch.randn(2, DIM, generator=torch.Generator().manual_seed(6))
    return [Example("rex", f"picture {number}", latents[number], embeds[number]) for number in range(2)]


def config(**changes: Any) -> FinetuneConfig:
    settings = {"steps": 12, "rank": 4, "batch_size": 2, "checkpoint_every": 4, "learning_rate": 3e-3, "seed": 3}
    return FinetuneConfig(**{**settings, **changes})


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("method", ["lora", "full"])
def test_the_trainer_lowers_the_loss_and_its_adapter_fits_the_decoder(
    loaded, tmp_path: Path, family: str, method: str
) -> None:
    decoder, base = loaded(family), loaded(family)
    pictures = examples(decoder, SIDES[family])
    generator = torch.Generator().manual_seed(8)
    latents = torch.stack([each.latents for each in pictures * 4])
    noise, timesteps = torch.randn(latents.shape, generator=generator), torch.linspace(50, 950, 8).long()
    seen = NoisedBatch(latents, torch.stack([each.image_embeds for each in pictures * 4]), noise, timesteps)
    with torch.no_grad():
        before = noise_prediction_loss(decoder, seen)
    finetune_decoder(decoder, pictures, config(method=method), tmp_path / "run")
    file = tmp_path / "adapter.safetensors"
    save_adapter(decoder.unet, AdapterInfo(method, 4, "tiny", decoder.fingerprints["unet"], (), {}), file)
    with torch.no_grad():
        after = noise_prediction_loss(decoder, seen)
        assert after < before * 0.999
        with adapted(base, file):
            torch.testing.assert_close(noise_prediction_loss(base, seen), after, rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(noise_prediction_loss(base, seen), before)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("targets", ["attention", "attention-and-convolutions", "image"])
def test_each_target_of_a_lora_has_layers_there(loaded, tmp_path: Path, family: str, targets: Targets) -> None:
    decoder = loaded(family)
    pictures = examples(decoder, SIDES[family])
    finetune_decoder(decoder, pictures, config(steps=1, targets=targets), tmp_path / "run")
    adapted_layers = {name.partition(".lora_")[0] for name, _ in decoder.unet.named_parameters() if ".lora_" in name}
    ends = {".".join(name.split(".")[-2:]) for name in adapted_layers}
    assert adapted_layers
    if (family, targets) == ("stable-unclip", "image"):
        assert ends == {"class_embedding.linear_1", "class_embedding.linear_2"}, "where the embedding enters"


def test_a_run_is_not_resumed_at_another_noise_level(loaded, tmp_path: Path) -> None:
    decoder = loaded("stable-unclip")
    pictures = examples(decoder, 64)
    stop = Hooks(should_stop=lambda: True)
    finetune_decoder(decoder, pictures, config(), tmp_path / "run", hooks=stop)
    with pytest.raises(ResumeRefused, match="noise_level"):
        finetune_decoder(loaded("stable-unclip", noise_level=30), pictures, config(), tmp_path / "run", resume=True)
