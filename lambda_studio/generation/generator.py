"""Draw prompts with subjects: text encoder, prior, decoder."""

import hashlib
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float, Int
from PIL import Image
from torch import Tensor

from lambda_studio.config import ALONE, BatchRow, GenerateConfig
from lambda_studio.generation.conditioning import Conditioning, condition
from lambda_studio.generation.inputs import Batch, PictureInputs
from lambda_studio.generation.prompt import BoundPrompt
from lambda_studio.generation.samplers import OnStep, sample_batch, seeded_noise
from lambda_studio.models.adapters.adapter import ScaledFile, adapted
from lambda_studio.models.clip.clip import TextFeatures
from lambda_studio.models.decoders.protocol import Decoder
from lambda_studio.models.memory.hardware import exact_products
from lambda_studio.models.prior import PriorTransformer
from lambda_studio.models.stacks.stack import Stack


@dataclass(frozen=True)
class PictureRequest:
    """The request for one picture."""

    prompt: BoundPrompt
    seed: int
    subjects: Mapping[str, Float[Tensor, " dim"]] = field(default_factory=dict)
    """The image embedding of each subject in the prompt, by `Span.subject`."""
    control_embeds: Float[Tensor, " dim"] | None = None
    """CLIP's embedding of an edge map; None is no control."""
    negative: BoundPrompt | None = None
    """Guidance leads away from what the prior predicts for this prompt; None is away from no picture."""
    inputs: PictureInputs = field(default_factory=PictureInputs)
    """A photograph, a mask and a depth map. They are the first request's for all that are drawn together."""
    batch: BatchRow | None = None
    """Draw this request, alone, as it was drawn in this row of a batch: bit for bit, in the time of the whole batch."""


@dataclass(frozen=True)
class Picture:
    """One picture, in 0..1, its seed, and its row in the batch that was drawn at once."""

    pixels: Float[Tensor, "3 height width"]
    seed: int
    batch: BatchRow = ALONE

    def to_image(self) -> Image.Image:
        """Return the picture in RGB, 8 bits each."""
        scaled = (self.pixels.float().clamp(0, 1) * 255).round().to(torch.uint8).cpu()
        return Image.fromarray(np.ascontiguousarray(rearrange(scaled, "c h w -> h w c").numpy()))


def draw(
    stack: Stack,
    requests: Sequence[PictureRequest],
    zero_image_embeds: Float[Tensor, " dim"],
    config: GenerateConfig,
    adapter: Path | Sequence[ScaledFile] | None = None,
    on_step: OnStep | None = None,
) -> list[Picture]:
    """Draw one picture for each request, as `draw_each`, and return them all."""
    return list(draw_each(stack, requests, zero_image_embeds, config, adapter, on_step))


def draw_each(
    stack: Stack,
    requests: Sequence[PictureRequest],
    zero_image_embeds: Float[Tensor, " dim"],
    config: GenerateConfig,
    adapter: Path | Sequence[ScaledFile] | None = None,
    on_step: OnStep | None = None,
) -> Generator[Picture, None, None]:
    """Draw one picture for each request, `config.batch_size` at a time, and yield each as soon as it is drawn.

    `config.seed` is not used. Close the generator if you do not exhaust it: it holds the decoder.

    Args:
        zero_image_embeds: `Clip.zero_image_embeds`; guidance uses it for no picture, the prior for no control.
        adapter: a file, or several whose scaled updates are added.
        on_step: called with the number of denoising steps done over all pictures, and their total.
    """
    if not requests:
        return
    seeds = [each.seed for each in requests]
    image_embeds = predicted_embeds(stack, requests, zero_image_embeds)
    negatives = _negatives(stack, requests, zero_image_embeds)
    if stack.frees_idle:
        stack.set_aside("clip")
        stack.set_aside("prior")
    size = config.size(stack.resolution)
    config = replace(config, resolution=None, height=size.height, width=size.width)
    with stack.drawing, adapted(stack.decoder(), adapter) as decoder:
        negative_image_embeds = decoder.no_picture(zero_image_embeds)
        if negatives:
            negative_image_embeds = torch.stack(
                [negatives.get(row, negative_image_embeds.to(image_embeds)) for row in range(len(requests))]
            )
        whole = Batch(image_embeds, negative_image_embeds, seeds, requests[0].inputs)
        if requests[0].batch:
            whole = whole.copies(requests[0].batch)
        yield from _draw_batches(decoder, whole, config, on_step)


def predicted_embeds(
    stack: Stack, requests: Sequence[PictureRequest], zero_image_embeds: Float[Tensor, " dim"]
) -> Float[Tensor, "batch dim"]:
    """Return what the prior predicts for each request, one by one, so that none depends on the others."""
    if stack.frees_idle:
        stack.set_aside("decoder")  # of the drawing before
    return torch.cat([_predicted(stack, each, zero_image_embeds) for each in requests])


def _predicted(
    stack: Stack, request: PictureRequest, zero_image_embeds: Float[Tensor, " dim"]
) -> Float[Tensor, "1 dim"]:
    control = zero_image_embeds if request.control_embeds is None else request.control_embeds.to(zero_image_embeds)
    conditioning = condition_prompts(stack.text_states, [request.prompt], [request.subjects], control)
    return predict_image_embeds(stack.prior(), conditioning, [request.seed])


def _negatives(
    stack: Stack, requests: Sequence[PictureRequest], zero_image_embeds: Float[Tensor, " dim"]
) -> dict[int, Float[Tensor, " dim"]]:
    """Return what guidance leads away from, by the number of each request that says it."""
    return {
        row: _predicted(stack, PictureRequest(each.negative, each.seed), zero_image_embeds)[0]
        for row, each in enumerate(requests)
        if each.negative
    }


@runtime_checkable
class TextEncoder(Protocol):
    """The part of `Clip` that conditioning uses."""

    def encode_text(self, token_ids: Int[Tensor, "batch position"]) -> TextFeatures:
        """Return token states and pooled embeddings of prompts with a start and an end token."""
        ...


def condition_prompts(
    clip: TextEncoder,
    prompts: Sequence[BoundPrompt],
    subjects: Sequence[Mapping[str, Tensor]],
    control_embeds: Float[Tensor, " dim"] | Float[Tensor, "batch dim"],
) -> Conditioning:
    """Return the prior's inputs. Duplicate prompts are encoded once."""
    rows = list(dict.fromkeys(prompt.token_ids for prompt in prompts))
    text = clip.encode_text(torch.tensor(rows))
    index = torch.tensor([rows.index(prompt.token_ids) for prompt in prompts], device=text.mask.device)
    text = TextFeatures(text.hidden_states[index], text.pooled[index], text.mask[index])
    return condition(text, prompts, subjects, control_embeds)


def predict_image_embeds(
    prior: PriorTransformer, conditioning: Conditioning, seeds: Sequence[int]
) -> Float[Tensor, "batch dim"]:
    """Predict the image embedding of each prompt, from separate noise for each seed."""
    noise = torch.cat([prior_noise(seed, prior.config["embedding_dim"]) for seed in seeds])
    return embeds_from_noise(prior, conditioning, noise, prior.device)


def prior_noise(seed: int, dim: int) -> Float[Tensor, "1 dim"]:
    """Return the prior's noise for the picture of this seed."""
    return seeded_noise(prior_seed(seed), (1, dim))


@torch.no_grad()
def embeds_from_noise(
    prior: PriorTransformer, conditioning: Conditioning, noise: Float[Tensor, "batch dim"], device: torch.device
) -> Float[Tensor, "batch dim"]:
    """Predict the image embedding of each prompt from its noise, in float32.

    `device` is the prior's, or the one that accelerate moves its weights to.
    """
    with exact_products():  # the prior runs once for each picture, and its embedding decides the whole picture
        return prior(
            noise.to(device, prior.dtype),
            conditioning.text_encoder_hidden_states.to(device, prior.dtype),
            conditioning.prompt_embeds.to(device, prior.dtype),
            conditioning.control_embeds.to(device, prior.dtype),
            conditioning.text_mask.to(device),
        ).float()


def prior_seed(seed: int) -> int:
    """Return the seed of the prior's noise. It differs from `seed`, which the noise of the latents uses."""
    return int.from_bytes(hashlib.sha256(f"prior {seed}".encode()).digest()[:4], "little")


def draw_embeds(
    decoder: Decoder,
    image_embeds: Float[Tensor, "batch dim"],
    zero_image_embeds: Float[Tensor, " dim"],
    seeds: Sequence[int],
    config: GenerateConfig,
    on_step: OnStep | None = None,
) -> list[Picture]:
    """Draw one picture for each image embedding, as `draw_embeds_each`, and return them all."""
    return list(draw_embeds_each(decoder, image_embeds, zero_image_embeds, seeds, config, on_step))


def draw_embeds_each(
    decoder: Decoder,
    image_embeds: Float[Tensor, "batch dim"],
    zero_image_embeds: Float[Tensor, " dim"],
    seeds: Sequence[int],
    config: GenerateConfig,
    on_step: OnStep | None = None,
) -> Generator[Picture, None, None]:
    """Draw one picture for each image embedding, `config.batch_size` at a time, and yield each when it is drawn."""
    negative = decoder.no_picture(zero_image_embeds)
    yield from _draw_batches(decoder, Batch(image_embeds, negative, seeds), config, on_step)


def _draw_batches(
    decoder: Decoder, whole: Batch, config: GenerateConfig, on_step: OnStep | None
) -> Generator[Picture, None, None]:
    starts = range(0, len(whole.seeds), config.batch_size)
    total = len(starts) * config.steps_run
    for number, start in enumerate(starts):
        before = number * config.steps_run

        def on_batch_step(done: int, of: int, before: int = before) -> None:
            if on_step:
                on_step(before + done, total)

        batch = whole.part(start, config.batch_size)
        pixels = sample_batch(decoder, batch, config, on_batch_step)
        size = len(batch.seeds)
        for row in range(size) if batch.only is None else [batch.only]:
            yield Picture(pixels[row].cpu(), batch.seeds[row], BatchRow(row, size))
