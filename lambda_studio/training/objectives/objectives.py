"""Objectives: a model, its examples and its loss. The training loop knows nothing else of a method."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from lambda_studio.config import FinetuneConfig, require
from lambda_studio.generation.conditioning import Conditioning
from lambda_studio.models.adapters.adapter import load_trained
from lambda_studio.models.adapters.lora.attaching import (
    add_lora,
    lora_layers,
    lora_parameters,
    remove_lora,
    without_updates,
)
from lambda_studio.models.adapters.lora.shape import lora_shape
from lambda_studio.models.decoders.protocol import Decoder, first_weight
from lambda_studio.models.prior import PriorTransformer
from lambda_studio.training.checkpoints.resume import describe_run
from lambda_studio.training.examples import Example
from lambda_studio.training.objectives.losses import EQ_1, PriorLossConfig, decoder_loss, prior_loss
from lambda_studio.training.objectives.weighting import Weighting, uniform, weighting_of
from lambda_studio.training.randomness import EvenOrder, LaterOrder, MicroStep, draw_micro_batch, seed_for
from lambda_studio.training.scores import EASED, Scoreboard, Share
from lambda_studio.training.tables import Part, Tables
from lambda_studio.training.timesteps import sampling_named


@runtime_checkable
class Objective(Protocol):
    """A training method. A run calls `describe`, then `trainable`, then `losses` for each micro-step."""

    @property
    def model(self) -> nn.Module:
        """The network whose weights are trained in place, all or some."""

    def describe(self, processes: int) -> dict[str, str]:
        """Return everything that the trained bits depend on. A resumed run must have the same description."""

    def trainable(self, device: torch.device) -> AbstractContextManager[Mapping[str, nn.Parameter]]:
        """Put the model on `device` in training mode and lend the trained weights; afterwards undo other changes."""

    def losses(self, model: nn.Module, at: MicroStep) -> Mapping[str, Float[Tensor, ""]]:
        """Return the minimised `loss` and other measurements. `model` is wrapped by the loop.

        All random values are a function of `at` only.
        """


@dataclass(frozen=True)
class NoisedBatch:
    """The inputs of Eq. 2: latents and CLIP embeddings of pictures, the noise ε and its timesteps t."""

    latents: Float[Tensor, "batch channel height width"]
    image_embeds: Float[Tensor, "batch dim"]
    noise: Float[Tensor, "batch channel height width"]
    timesteps: Int[Tensor, " batch"]
    masks: Float[Tensor, "batch height width"] | None = None
    """The weight of each latent's error. None weights all by 1."""
    learnt: Float[Tensor, "batch height width"] | None = None
    """How much of each latent is learnt; the rest is kept as the decoder without its LoRA predicts it. None: all."""


def noise_prediction_loss(
    decoder: Decoder,
    batch: NoisedBatch,
    weighting: Weighting = uniform,
    unet: nn.Module | None = None,
    updated: Sequence[Any] = (),
) -> Float[Tensor, ""]:
    """Return λ-ECLIPSE's Eq. 2 for a decoder that predicts noise, or its counterpart for another `prediction_type`.

    Args:
        decoder: The decoder.
        batch: The pictures with their noise.
        weighting: The weight of each timestep's error.
        unet: The decoder's UNet, wrapped by a training loop.
        updated: The LoRA's layers, which are switched off to predict what is kept.
    """
    weight = first_weight(decoder.unet)
    noisy_latents = decoder.scheduler.add_noise(batch.latents, batch.noise, batch.timesteps).to(weight)
    condition = decoder.condition(batch.image_embeds)
    predicted = decoder.denoise(noisy_latents, batch.timesteps, condition, unet)
    target = prediction_target(decoder.scheduler, batch)
    if batch.learnt is not None:
        with torch.no_grad(), without_updates(updated):
            before = decoder.denoise(noisy_latents, batch.timesteps, condition)
        target = torch.lerp(before.float(), target.float(), batch.learnt[:, None])
    weights = None if weighting is uniform else weighting(batch.timesteps)
    return decoder_loss(predicted, target, weights, batch.masks)


def prediction_target(scheduler: Any, batch: NoisedBatch) -> Float[Tensor, "batch channel height width"]:
    """Return the value that a UNet with this schedule predicts: the noise, the velocity or the picture."""
    kind = scheduler.config.prediction_type
    if kind == "v_prediction":  # Salimans & Ho (2022), section 4
        return scheduler.get_velocity(batch.latents, batch.noise, batch.timesteps)
    return batch.latents if kind == "sample" else batch.noise


class DecoderObjective:
    """Fine-tuning of a decoder's UNet by Eq. 2 on examples: a LoRA (which stays on it), or the whole UNet.

    The LoRA of an earlier run is removed. Raises InvalidSetting for no examples, or those of several stacks.

    Args:
        start: The file of an adapter whose values the trained weights begin with.
        board: The scores that say which concepts are drawn less, and from which step on.
    """

    def __init__(
        self,
        decoder: Decoder,
        examples: Sequence[Example],
        config: FinetuneConfig,
        weighting: Weighting | None = None,
        start: Path | None = None,
        board: Scoreboard | None = None,
    ):
        self.start, self.board = start, board
        self.examples, self.config = _checked(examples), config
        self.decoder, self.model, self.scheduler = decoder, decoder.unet, decoder.scheduler
        self.weighting = weighting or weighting_of(self.scheduler, config.snr_gamma, config.soft_min_snr)
        self.order = EvenOrder([example.concept for example in self.examples], config.seed, config.weights)
        self._later: dict[Share, LaterOrder] = {}
        if lora_parameters(self.model):
            remove_lora(self.model)

    def describe(self, processes: int) -> dict[str, str]:
        """Return the settings, the examples and the decoder, each as text.

        Raises InvalidSetting for latents of several shapes in several processes, whose forward passes would differ.
        """
        shapes = {tuple(example.latents.shape) for example in self.examples}
        cause = f"The latents have {len(shapes)} shapes, and {processes} processes train."
        require(len(shapes) == 1 or processes == 1, cause, "Leave out aspect_ratio_buckets.", "aspect_ratio_buckets")
        described = describe_run(self.config, self.examples, self.model, processes)
        settings = {f"decoder's {name}": str(value) for name, value in self.decoder.settings.items()}
        return {**described, **settings}

    @contextmanager
    def trainable(self, device: torch.device) -> Iterator[dict[str, nn.Parameter]]:
        """Lend the trained weights, in float32. Afterwards flags, modes and the loop's wrapping are undone."""
        unet: Any = self.model
        flags = {parameter: parameter.requires_grad for parameter in unet.parameters()}
        unet.requires_grad_(self.config.method == "full")
        if self.config.method == "lora":
            add_lora(unet, lora_shape(self.config), seed_for(self.config.seed, "lora"))
        if self.start:
            load_trained(unet, self.start)
        if self.config.gradient_checkpointing:
            unet.enable_gradient_checkpointing()
        for parameter in unet.parameters():
            if parameter.requires_grad:
                parameter.data = parameter.data.float()
        try:
            with whole_model(unet, device) as parameters:
                background = self.config.background_weight if self.config.masked_loss else None
                keeps = self.config.method == "lora" and any(example.only_subject for example in self.examples)
                self._updated = lora_layers(unet) if keeps else []
                self.tables = Tables(self.examples, device, background, keeps)
                yield parameters
        finally:
            if self.config.gradient_checkpointing:
                unet.disable_gradient_checkpointing()
            for parameter in unet.parameters():
                parameter.requires_grad_(flags.get(parameter, False))

    def order_at(self, number: int) -> EvenOrder | LaterOrder:
        """Return the order of a micro-step. It changes where the scores of a preview say so."""
        accumulated = self.config.gradient_accumulation_steps
        share = self.board.share(number // accumulated) if self.board else Share()
        if not share.since:
            return self.order
        if share not in self._later:
            weights = dict(self.config.weights or {})
            weights |= {name: weights.get(name, 1.0) * EASED for name in share.eased}
            concepts, part = [example.concept for example in self.examples], f"since step {share.since}"
            order = EvenOrder(concepts, self.config.seed, weights, part)
            self._later[share] = LaterOrder(order, share.since * accumulated)
        return self._later[share]

    def losses(self, model: nn.Module, at: MicroStep) -> dict[str, Float[Tensor, ""]]:
        """Return Eq. 2's loss on the examples of this micro-step. Those of one shape are denoised together."""
        steps, sampling = self.scheduler.config.num_train_timesteps, sampling_named(self.config.timestep_sampling)
        drawn = draw_micro_batch(
            self.order_at(at.number), at, self.config.batch_size, self.tables.largest, steps, sampling
        )
        parts = list(self.tables.parts(drawn))
        if len(parts) == 1:
            return {"loss": self._loss(model, parts[0])}
        shares = [len(part.batch.rows) / len(drawn.rows) * self._loss(model, part) for part in parts]
        return {"loss": torch.stack(shares).sum()}

    def _loss(self, model: nn.Module, part: Part) -> Float[Tensor, ""]:
        batch = part.batch.to(self.tables.device)
        latents, image_embeds, masks = self.tables.select(part.shape, batch.rows)
        keeps = any(self.examples[row].only_subject for row in part.batch.rows.tolist())
        learnt = self.tables.learnt_of(part.shape, batch.rows) if keeps else None
        noised = NoisedBatch(latents, image_embeds, batch.noise, batch.timesteps, masks, learnt)
        return noise_prediction_loss(self.decoder, noised, self.weighting, model, self._updated)


@dataclass(frozen=True)
class PriorBatch:
    """The inputs of Eq. 1: prompts with their subjects' embeddings, noise, and the target pictures' embeddings."""

    inputs: Conditioning
    noise: Float[Tensor, "batch dim"]
    image_embeds: Float[Tensor, "batch dim"]


class PriorObjective:
    """Training of the λ prior by Eq. 1, on the batches that `batch_of` returns for each micro-step."""

    def __init__(
        self,
        prior: PriorTransformer,
        batch_of: Callable[[MicroStep], PriorBatch],
        about: Mapping[str, str],
        config: PriorLossConfig = EQ_1,
    ):
        self.model, self.batch_of, self.about, self.config = prior, batch_of, about, config

    def describe(self, processes: int) -> dict[str, str]:
        """Return the description of the batches, and Eq. 1's settings."""
        return {**self.about, "eq. 1": str(self.config), "processes": str(processes)}

    def trainable(self, device: torch.device) -> AbstractContextManager[dict[str, nn.Parameter]]:
        """Lend every weight that requires a gradient."""
        return whole_model(self.model, device)

    def losses(self, model: nn.Module, at: MicroStep) -> dict[str, Float[Tensor, ""]]:
        """Return Eq. 1's loss, and the prediction's mean squared error and cosine to the target."""
        batch = self.batch_of(at)
        inputs = batch.inputs
        predicted = model(
            batch.noise,
            inputs.text_encoder_hidden_states,
            inputs.prompt_embeds,
            inputs.control_embeds,
            inputs.text_mask,
        ).float()
        loss = prior_loss(predicted, batch.image_embeds, inputs.prompt_embeds, self.config)
        cosine = F.cosine_similarity(predicted, batch.image_embeds).mean()
        return {"loss": loss, "mse": F.mse_loss(predicted, batch.image_embeds), "cosine": cosine}


@contextmanager
def whole_model(model: nn.Module, device: torch.device) -> Iterator[dict[str, nn.Parameter]]:
    """Lend every weight of `model` that requires a gradient, with the model on `device` and in training mode.

    Afterwards the mode and the attributes that the loop adds to the model (accelerate's wrapping) are undone.
    """
    attributes = dict(vars(model))
    model.to(device).train()
    try:
        yield {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    finally:
        model.train(attributes["training"])
        vars(model).clear()
        vars(model).update(attributes)


def _checked(examples: Sequence[Example]) -> list[Example]:
    """Check and sort the examples, so that a run does not depend on their order."""
    require(len(examples) > 0, "There is no picture to fine-tune on.", "Name at least one concept that has images.")
    sizes = {(len(example.latents), len(example.image_embeds)) for example in examples}
    cause = f"The examples have several numbers of channels and dimensions: {sorted(sizes)}."
    require(len(sizes) == 1, cause, "Encode all with one stack.")
    return sorted(examples, key=lambda example: (example.concept, example.image_sha, example.prediction, example.crop))
