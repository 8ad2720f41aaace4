"""Measure the λ prior: one prediction, and its training by Eq. 1."""

from functools import partial
from statistics import median
from typing import Literal

import torch

from lambda_studio.generation.conditioning import Conditioning
from lambda_studio.generation.generator import predict_image_embeds
from lambda_studio.training.objectives.objectives import PriorBatch, PriorObjective
from lambda_studio.training.optimisation.optimiser import TrainConfig
from lambda_studio.training.randomness import MicroStep

from .meter import Bench, Measurement, measure
from .report import Row
from .training import measure_training

BATCH = 512
ITERATIONS, PAPER_GPUS, PAPER_GPU_HOURS = 100_000, 2, 74
"""The paper's training: iterations of `BATCH` on each of two A100, and the hours of both together."""
TABLES = 4
"""Batches of features on the device, which the steps use in turn."""


def predict(bench: Bench, count: int) -> Measurement:
    """Measure the prediction of image embeddings, in float32 as `generate` runs it."""
    prior, inputs = bench.models.prior().requires_grad_(False), random_conditioning(bench, count)
    return measure(bench, lambda: predict_image_embeds(prior, inputs, range(count)), count)


def train(bench: Bench, mixed: Literal["no", "bf16"]) -> Measurement:
    """Measure training steps. Features are on the device: their loading is not in it."""
    prior, count = bench.models.prior(), bench.size(BATCH, tiny=8)
    tables = [(random_conditioning(bench, count), _embeds(bench, count)) for _ in range(TABLES)]

    def batch_of(at: MicroStep) -> PriorBatch:
        inputs, image_embeds = tables[at.number % TABLES]
        return PriorBatch(inputs, torch.randn_like(image_embeds), image_embeds)

    objective = PriorObjective(prior, batch_of, about={})
    config = TrainConfig(steps=ITERATIONS, learning_rate=5e-5, mixed_precision=mixed)
    measured = measure_training(bench, objective, config, count)
    measured.unit = "samples"
    measured.notes |= beside_paper(median(measured.seconds), count)
    return measured


def beside_paper(seconds: float, count: int) -> dict[str, float]:
    """Return the rate, and the GPU hours of the paper's number of samples, with the paper's own."""
    samples = ITERATIONS * BATCH * PAPER_GPUS
    return {
        "steps_per_second": round(1 / seconds, 3),
        "gpu_hours_for_the_papers_samples": round(samples * seconds / count / 3600, 2),
        "the_papers_gpu_hours_on_a100": PAPER_GPU_HOURS,
        "the_papers_samples_per_second_and_gpu": round(samples / PAPER_GPU_HOURS / 3600, 1),
    }


def random_conditioning(bench: Bench, count: int) -> Conditioning:
    """Return random inputs of the prior, for prompts of 10 to 30 tokens."""
    text = bench.models.shapes.clip["text_cfg"]
    states = torch.randn(count, text["context_length"], text["width"], device=bench.device)
    lengths = torch.randint(10, 31, (count, 1), device=bench.device)
    mask = torch.arange(text["context_length"], device=bench.device) < lengths
    return Conditioning(states, mask, _embeds(bench, count), _embeds(bench, count))


def _embeds(bench: Bench, count: int) -> torch.Tensor:
    return torch.randn(count, bench.models.shapes.clip["embed_dim"], device=bench.device)


MAIN = [
    Row(f"prior, Eq. 1, bf16, batch {BATCH}", partial(train, mixed="bf16")),
    Row(f"prior, Eq. 1, fp32, batch {BATCH}", partial(train, mixed="no"), exact=True),
]
OTHERS = [
    Row(f"prior, Eq. 1, tf32, batch {BATCH}", partial(train, mixed="no")),
    Row("prior, one prediction, fp32", partial(predict, count=1), exact=True),
    Row("prior, eight predictions, fp32", partial(predict, count=8), exact=True),
]
