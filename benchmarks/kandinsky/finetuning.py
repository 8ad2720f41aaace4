"""Measure our fine-tuning: Eq. 2 on a table of encoded pictures."""

from functools import partial
from typing import Any, Literal, NamedTuple

import torch

from lambda_studio.config import FinetuneConfig, require
from lambda_studio.training.examples import Example
from lambda_studio.training.finetuning import train_config
from lambda_studio.training.objectives.objectives import DecoderObjective

from .meter import Bench, Measurement
from .report import Row
from .training import measure_training

Method = Literal["lora", "full"]
PICTURES = 64


class Precision(NamedTuple):
    """The number formats of a run."""

    frozen: torch.dtype
    """The format of weights that are not trained. Trained weights are float32."""
    mixed: Literal["no", "fp16", "bf16"] = "no"
    exact: bool = False
    """Whether float32 products are exact, and not as `studio` computes them."""
    layout: torch.memory_format = torch.contiguous_format
    """The order of a picture's values in memory."""
    graphed: bool = False
    """Whether the UNet runs by CUDA graphs, which only this benchmark does."""


PRECISIONS = {
    "fp32": Precision(torch.float32, exact=True),
    "tf32": Precision(torch.float32),
    "bf16": Precision(torch.bfloat16, "bf16"),
    "fp16": Precision(torch.float16, "fp16"),
    "bf16 weights only": Precision(torch.bfloat16),
    "bf16 channels last": Precision(torch.bfloat16, "bf16", layout=torch.channels_last),
    "bf16 by graphs": Precision(torch.bfloat16, "bf16", graphed=True),
}
"""`bf16` and `fp16` are mixed_precision. `bf16 weights only` is the default of LoRA on a GPU."""


def ours(bench: Bench, method: Method, precision: str, batch_size: int, optimizer: str = "adamw") -> Measurement:
    """Measure our loop. Full fine-tuning loads its weights in float32."""
    formats = PRECISIONS[precision]
    possible = bench.device.type == "cuda" or not formats.graphed
    require(possible, "CUDA graphs need a GPU of NVIDIA.", "Measure the other rows.")
    decoder = bench.models.decoder(formats.frozen if method == "lora" else torch.float32, ("unet",))
    decoder.unet.to(memory_format=formats.layout)
    chosen: dict[str, Any] = {"method": method, "mixed_precision": formats.mixed, "batch_size": bench.size(batch_size)}
    config = FinetuneConfig(steps=1000, optimizer=optimizer, **chosen)
    objective = DecoderObjective(decoder, random_examples(bench), config)
    return measure_training(bench, objective, train_config(config), config.batch_size, formats.graphed)


def random_examples(bench: Bench) -> list[Example]:
    """Return encoded pictures of four concepts, as the cache holds them: float32, on the CPU."""
    shapes, generator = bench.models.shapes, torch.Generator().manual_seed(0)
    side, dim = shapes.unet["sample_size"], shapes.unet["encoder_hid_dim"]
    latents = torch.randn(PICTURES, 4, side, side, generator=generator)
    image_embeds = torch.randn(PICTURES, dim, generator=generator)
    names = [f"concept {number % 4}" for number in range(PICTURES)]
    shas = [f"{number:064x}" for number in range(PICTURES)]
    return [Example(*row) for row in zip(names, shas, latents, image_embeds, strict=True)]


def row(method: Method, precision: str, batch_size: int, optimizer: str = "adamw") -> Row:
    """Return the row of one method, precision, batch size and optimiser."""
    with_it = "" if optimizer == "adamw" else f", {optimizer}"
    name = f"fine-tune, ours, {method} {precision}, batch {batch_size}{with_it}"
    measure = partial(ours, method=method, precision=precision, batch_size=batch_size, optimizer=optimizer)
    return Row(name, measure, PRECISIONS[precision].exact)


MAIN = [
    row("lora", "bf16", 32),
    row("full", "bf16", 32),
    row("lora", "bf16 channels last", 32),
    row("full", "bf16 channels last", 32),
    row("lora", "bf16 by graphs", 4),
    row("full", "bf16 by graphs", 4),
    row("lora", "bf16 weights only", 32),
    row("lora", "bf16 weights only", 4),
    row("lora", "bf16", 4),
    row("full", "bf16", 4),
    row("full", "bf16", 4, "adamw-8bit"),
]
OTHERS = [
    row("full", "bf16", 16),
    row("full", "fp32", 4),
    row("lora", "fp32", 4),
    row("full", "tf32", 4),
    row("lora", "tf32", 4),
    row("lora", "fp16", 4),
    row("full", "fp16", 4),
    row("lora", "fp16", 32),
    row("full", "tf32", 32),
    row("lora", "fp32", 32),
    row("full", "fp32", 32),
]
