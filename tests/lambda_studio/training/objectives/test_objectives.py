"""What is trained by Eq. 1 and by Eq. 2, and how a weighting of the timesteps comes in."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from lambda_studio.generation.conditioning import Conditioning
from lambda_studio.models.adapters.lora.shape import ATTENTION, TARGETS
from lambda_studio.models.prior import PriorTransformer
from lambda_studio.training.objectives.losses import PriorLossConfig, prior_loss
from lambda_studio.training.objectives.objectives import (
    DecoderObjective,
    NoisedBatch,
    Objective,
    PriorBatch,
    PriorObjective,
    noise_prediction_loss,
)
from lambda_studio.training.objectives.weighting import min_snr
from lambda_studio.training.optimisation.optimiser import TrainConfig
from lambda_studio.training.randomness import MicroStep, generator_for
from lambda_studio.training.tables import KEPT, Tables
from lambda_studio.training.trainer import train
from tests.lambda_studio.training.test_trainer import DIM, _config, _decoder, _examples

CPU = torch.device("cpu")


def test_each_timestep_counts_as_the_weighting_says() -> None:
    decoder, generator = _decoder(), torch.Generator().manual_seed(2)
    latents, noise = torch.randn(2, 3, 4, 4, 4, generator=generator)
    image_embeds, timesteps = torch.randn(3, DIM, generator=generator), torch.tensor([1, 500, 999])

    def loss(rows: slice, **weighting: object) -> Tensor:
        batch = NoisedBatch(latents[rows], image_embeds[rows], noise[rows], timesteps[rows])
        return noise_prediction_loss(decoder, batch, **weighting)

    with torch.no_grad():
        alone = torch.stack([loss(slice(row, row + 1)) for row in range(3)])
        weighted = loss(slice(0, 3), weighting=lambda t: t / 500)
        torch.testing.assert_close(weighted, (alone * timesteps / 500).mean())
        torch.testing.assert_close(loss(slice(0, 3)), alone.mean())


def test_a_decoders_losses_are_a_function_of_the_micro_step_and_use_its_weighting() -> None:
    one, other = _decoder(), _decoder()
    plain = DecoderObjective(one, _examples(), _config(method="full"))
    nothing = DecoderObjective(other, _examples(), _config(method="full"), weighting=lambda t: 0.0 * t)
    with plain.trainable(CPU) as parameters, nothing.trainable(CPU):
        assert parameters.keys() == dict(one.unet.named_parameters()).keys()
        first, again, next_one = (plain.losses(one.unet, MicroStep(number))["loss"] for number in (3, 3, 4))
        assert torch.equal(first, again)
        assert not torch.equal(first, next_one)
        assert nothing.losses(other.unet, MicroStep(3))["loss"] == 0


def masked_loss(mask: Tensor | None, **settings: Any) -> Tensor:
    """Eq. 2 on one picture with this mask."""
    decoder = _decoder()
    examples = [replace(example, mask=mask) for example in _examples(rex=1)]
    objective = DecoderObjective(decoder, examples, _config(method="full", **settings))
    with objective.trainable(CPU):
        return objective.losses(decoder.unet, MicroStep(3))["loss"].detach()


def test_the_background_counts_as_much_as_its_weight_says() -> None:
    left = torch.zeros(4, 4)
    left[:, :2] = 1
    plain = masked_loss(None)
    one, other = (masked_loss(mask, masked_loss=True, background_weight=0.0) for mask in (left, 1 - left))
    torch.testing.assert_close((one + other) / 2, plain)
    tenth = masked_loss(left, masked_loss=True)
    torch.testing.assert_close(tenth, (one + 0.1 * other) / 1.1)
    torch.testing.assert_close(masked_loss(left, masked_loss=True, background_weight=1.0), plain)
    assert torch.equal(masked_loss(left), plain), "without the setting"


def test_around_a_subject_in_another_place_the_decoder_is_kept_as_it_was() -> None:
    left = torch.zeros(4, 4)
    left[:, :2] = 1
    subject = masked_loss(left, masked_loss=True, background_weight=0.0)
    decoder = _decoder()
    examples = [replace(example, mask=left, only_subject=True) for example in _examples(rex=1)]
    objective = DecoderObjective(decoder, examples, _config(rank=2))
    with objective.trainable(CPU) as parameters:
        fresh = objective.losses(decoder.unet, MicroStep(3))["loss"]
        torch.testing.assert_close(fresh, subject / (1 + KEPT))  # nothing has changed around it yet
        fresh.backward()
        assert any(parameter.grad.abs().max() > 0 for parameter in parameters.values() if parameter.grad is not None)
        with torch.no_grad():
            for name, parameter in parameters.items():
                parameter.add_(5.0 if "lora_B" in name else 0.0)
        moved = objective.losses(decoder.unet, MicroStep(3))["loss"]
        objective.tables = Tables(examples, CPU)
        ignored = objective.losses(decoder.unet, MicroStep(3))["loss"]
    assert moved > ignored / (1 + KEPT) + 1e-4, "a change around it costs"
    whole = DecoderObjective(_decoder(), examples, _config(method="full"))
    with whole.trainable(CPU):
        torch.testing.assert_close(whole.losses(whole.model, MicroStep(3))["loss"], subject)


@pytest.mark.parametrize("mask", [None, torch.zeros(4, 4)], ids=["no mask", "a mask that is empty in this crop"])
def test_a_picture_whose_subject_is_not_known_counts_everywhere(mask: Tensor | None) -> None:
    torch.testing.assert_close(masked_loss(mask, masked_loss=True, background_weight=0.0), masked_loss(None))


@pytest.mark.parametrize(
    "settings", [{"snr_gamma": 5.0}, {"snr_gamma": 5.0, "soft_min_snr": True}, {"timestep_sampling": "logit-normal"}]
)
def test_the_settings_choose_weighting_and_timesteps(settings: dict[str, Any]) -> None:
    assert masked_loss(None, **settings) != masked_loss(None)
    decoder = _decoder()
    objective = DecoderObjective(decoder, _examples(), _config(snr_gamma=5.0))
    every = torch.arange(1000)
    torch.testing.assert_close(objective.weighting(every), min_snr(decoder.scheduler.alphas_cumprod, 5.0)(every))


@pytest.mark.parametrize("name", ["one", "other"])
def test_a_prior_is_an_objective_and_learns_its_targets(tmp_path: Path, name: str) -> None:
    torch.manual_seed(0)
    prior = PriorTransformer(
        num_attention_heads=2, attention_head_dim=4, num_layers=1, embedding_dim=8, num_embeddings=5
    )

    def batch_of(at: MicroStep) -> PriorBatch:
        generator = generator_for("prior", at.number, at.rank)
        text, control, noise, target = torch.randn(4, 6, 8, generator=generator)
        hidden = text[:, None].expand(6, 5, 8).contiguous()
        inputs = Conditioning(hidden, torch.ones(6, 5, dtype=torch.bool), text, control)
        return PriorBatch(inputs, noise, target * 0 + text)

    config = PriorLossConfig(contrastive_weight=0.1)
    objective = PriorObjective(prior, batch_of, {"batches": name}, config)
    assert isinstance(objective, Objective)
    assert objective.describe(1)["batches"] == name
    batch = batch_of(MicroStep(2))
    inputs = batch.inputs
    predicted = prior(
        batch.noise, inputs.text_encoder_hidden_states, inputs.prompt_embeds, inputs.control_embeds, inputs.text_mask
    )
    losses = objective.losses(prior, MicroStep(2))
    torch.testing.assert_close(losses["loss"], prior_loss(predicted, batch.image_embeds, inputs.prompt_embeds, config))
    assert losses.keys() == {"loss", "mse", "cosine"}
    trained = train(objective, TrainConfig(steps=30, learning_rate=1e-2), tmp_path / "run")
    assert sum(trained.losses[-5:]) < 0.9 * sum(trained.losses[:5])
    assert isinstance(prior, nn.Module)


def forbid_searches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let diffusers' `dtype` and `device`, which search all modules of a network, fail."""
    for name in ("dtype", "device"):
        monkeypatch.setattr(ModelMixin, name, property(lambda network: pytest.fail("all modules are searched")))


@pytest.mark.parametrize(("method", "expected"), [("lora", torch.bfloat16), ("full", torch.float32)])
def test_a_step_finds_the_format_of_its_inputs_without_a_search(
    monkeypatch: pytest.MonkeyPatch, method: str, expected: torch.dtype
) -> None:
    monkeypatch.setitem(TARGETS, "attention", (*ATTENTION, "conv_in"))
    decoder, seen = _decoder(), []
    unet = decoder.unet.to(torch.bfloat16)
    objective = DecoderObjective(decoder, _examples(), _config(method=method))
    with objective.trainable(CPU) as parameters:
        unet.register_forward_pre_hook(
            lambda _, given, named: seen.extend([given[0], *named["added_cond_kwargs"].values()]), with_kwargs=True
        )
        forbid_searches(monkeypatch)
        objective.losses(unet, MicroStep(3))["loss"].backward()
    assert {parameter.dtype for parameter in parameters.values()} == {torch.float32}
    assert [tensor.dtype for tensor in seen] == [expected, expected]
    assert sum(float(each.grad.abs().sum()) for each in parameters.values() if each.grad is not None) > 0
