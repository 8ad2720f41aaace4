"""Measure drawing: ours in batches, diffusers' pipeline and the official flow prompt by prompt.

A picture has 50 steps in use. Here it is drawn with few steps and with more, and both are on a line: the slope is the
time of a step, the rest is encoders, MoVQ and copies. `seconds_at_50_steps` lies on that line; it was not drawn.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from typing import Any

import torch
from diffusers.pipelines.kandinsky2_2.pipeline_kandinsky2_2 import KandinskyV22Pipeline
from einops import rearrange
from PIL import Image
from torch import Tensor

from lambda_studio.config import GenerateConfig, Size
from lambda_studio.generation.conditioning import Conditioning
from lambda_studio.generation.generator import draw_embeds, predict_image_embeds
from lambda_studio.generation.samplers import seeded_noise
from lambda_studio.models.decoders.kandinsky import KandinskyDecoder

from . import meter
from .meter import Bench, Measurement
from .report import Row

FEW, MORE, PAPER = 2, 10, 50
GUIDANCE = 7.5
Draw = Callable[[int], Any]
"""Draws the pictures with this number of steps."""


def measure_drawing(bench: Bench, draw: Draw, count: int) -> Measurement:
    """Measure a drawing with few and with more steps."""
    few, more = FEW, bench.size(MORE, tiny=4)
    meter.start_peak(bench.device)
    one, two = (meter.count_operations(partial(draw, steps)) or 0.0 for steps in (1, 2))
    seconds = {steps: meter.repeat(bench, partial(draw, steps)) for steps in (few, more)}
    each = (median(seconds[more]) - median(seconds[few])) / (more - few)
    beside = median(seconds[more]) - more * each
    return Measurement(
        seconds=seconds[more],
        count=count,
        operations=one + (more - 1) * (two - one),
        peak_bytes=meter.peak_bytes(bench.device),
        notes={
            "denoising_steps": more,
            "ms_per_denoising_step": round(1000 * each, 3),
            "ms_beside_the_steps": round(1000 * beside, 3),
            "seconds_at_50_steps": round(beside + PAPER * each, 3),
            "pictures_per_second_at_50_steps": round(count / (beside + PAPER * each), 3),
        },
    )


def ours(bench: Bench, count: int) -> Measurement:
    """Measure our generator, all pictures in one batch, from their image embeddings."""
    decoder = bench.models.decoder(torch.bfloat16)
    return measure_drawing(bench, lambda steps: draw_ours(decoder, bench, count, steps), count)


def draw_ours(decoder: KandinskyDecoder, bench: Bench, count: int, steps: int) -> Tensor:
    """Return pictures drawn by our generator."""
    embeds, zero = random_embeds(bench, count)
    config = GenerateConfig(
        num_inference_steps=steps,
        guidance_scale=GUIDANCE,
        batch_size=count,
        resolution=bench.models.shapes.resolution,
    )
    pictures = draw_embeds(decoder, embeds, zero, range(count), config)
    return torch.stack([picture.pixels for picture in pictures])


def pipeline(bench: Bench, count: int) -> Measurement:
    """Measure diffusers' pipeline, called once for each prompt."""
    decoder = bench.models.decoder(torch.bfloat16)
    return measure_drawing(bench, lambda steps: draw_by_pipeline(decoder, bench, range(count), steps), count)


def draw_by_pipeline(
    decoder: KandinskyDecoder, bench: Bench, seeds: Sequence[int], steps: int, embeds: Tensor | None = None
) -> Tensor:
    """Return pictures drawn by diffusers' pipeline, from the same noise and schedule as ours."""
    pipe = KandinskyV22Pipeline(unet=decoder.unet, scheduler=decoder.scheduler, movq=decoder.movq)
    pipe.set_progress_bar_config(disable=True)
    made, zero = random_embeds(bench, len(seeds))
    embeds, side = made if embeds is None else embeds, bench.models.shapes.resolution
    shape = (1, *decoder.latent_shape(Size.square(side)))
    drawn = [
        pipe(
            image_embeds=embeds[place : place + 1],
            negative_image_embeds=zero[None],
            latents=seeded_noise(seed, shape).to(decoder.unet.device, decoder.unet.dtype),
            height=side,
            width=side,
            num_inference_steps=steps,
            guidance_scale=GUIDANCE,
            output_type="np",
        ).images
        for place, seed in enumerate(seeds)
    ]
    return torch.cat([rearrange(torch.from_numpy(each), "n h w c -> n c h w") for each in drawn])


def random_embeds(bench: Bench, count: int) -> tuple[Tensor, Tensor]:
    """Return random image embeddings, and one in place of no picture."""
    dim = bench.models.shapes.unet["encoder_hid_dim"]
    embeds = torch.cat([seeded_noise(1000 + number, (1, dim)) for number in range(count)])
    return embeds.to(bench.device), seeded_noise(999, (dim,)).to(bench.device)


def official(bench: Bench, count: int, dtype: torch.dtype) -> Measurement:
    """Measure the official flow. Each prompt: CLIP of the subject and of no picture, text, prior, then the pipeline."""
    decoder, clip, prior = bench.models.decoder(dtype), bench.models.clip(dtype), bench.models.prior()
    subject = Image.new("RGB", (clip.image_size, clip.image_size), "white")

    def draw(steps: int) -> None:
        for seed in range(count):
            embeds, zero = clip.encode_images([subject]), clip.zero_image_embeds()
            text = clip.encode_text(clip.tokenizer(["a dog wearing a red hat on the beach"]))
            states = text.hidden_states.clone()
            states[:, 2] = embeds
            conditioning = Conditioning(states, text.mask, text.pooled, zero[None])
            draw_by_pipeline(decoder, bench, [seed], steps, predict_image_embeds(prior, conditioning, [seed]))

    return measure_drawing(bench, draw, count)


def equality(bench: Bench, dtype: torch.dtype, count: int) -> Measurement:
    """Compare our pictures with the pipeline's, from the same noise and weights."""
    decoder, steps = bench.models.decoder(dtype), bench.size(MORE, tiny=4)
    drawn = draw_ours(decoder, bench, count, steps)
    began = time.perf_counter()
    theirs = draw_by_pipeline(decoder, bench, range(count), steps)
    seconds = [time.perf_counter() - began]
    off = (drawn - theirs).abs()
    bytes_off = ((255 * drawn).round() - (255 * theirs).round()).abs()
    notes = {
        "largest_difference": float(off.max()),
        "mean_difference": float(off.mean()),
        "equal_8_bit_values": round(float((bytes_off == 0).float().mean()), 5),
        "within_1_of_255": round(float((bytes_off <= 1).float().mean()), 5),
        "deviation_of_pixels": round(float(theirs.std()), 4),
    }
    return Measurement(seconds=seconds, count=count, notes=notes)


MAIN = [
    Row("draw, ours, bf16, 4 at once", partial(ours, count=4)),
    Row("draw, diffusers' pipeline, bf16, 4 in turn", partial(pipeline, count=4)),
    Row("draw, ours, bf16, 1", partial(ours, count=1)),
    Row("draw, ours, bf16, 8 at once", partial(ours, count=8)),
    Row("same pictures, bf16, 1", partial(equality, dtype=torch.bfloat16, count=1)),
    Row("same pictures, bf16, 4", partial(equality, dtype=torch.bfloat16, count=4)),
]
OTHERS = [
    Row("same pictures, fp32, 2", partial(equality, dtype=torch.float32, count=2), exact=True),
    Row("draw, official flow, bf16, 2 in turn", partial(official, count=2, dtype=torch.bfloat16), exact=True),
    Row("draw, official flow, fp32, 1", partial(official, count=1, dtype=torch.float32), exact=True),
]
