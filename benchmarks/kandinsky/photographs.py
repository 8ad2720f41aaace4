"""Measure the encoding of added photographs by CLIP's vision tower."""

from functools import partial

import numpy as np
import torch
from PIL import Image

from .meter import Bench, Measurement, measure
from .report import Row


def encode(bench: Bench, dtype: torch.dtype, batch_size: int) -> Measurement:
    """Measure one batch of squares: pixels to the device, CLIP. Opening and masks are not in it."""
    clip = bench.models.clip(dtype, ("vision",))
    generator, count = np.random.default_rng(0), bench.size(batch_size)
    shape = (count, clip.image_size, clip.image_size, 3)
    images = [Image.fromarray(pixels) for pixels in generator.integers(256, size=shape, dtype=np.uint8)]
    return measure(bench, lambda: clip.encode_images(images, count).cpu(), count)


def row(name: str, dtype: torch.dtype, batch_size: int) -> Row:
    """Return the row of one precision and batch size."""
    measure = partial(encode, dtype=dtype, batch_size=batch_size)
    return Row(f"add photographs, CLIP {name}, batch {batch_size}", measure, exact=dtype == torch.float32)


MAIN = [row("bf16", torch.bfloat16, size) for size in (32, 1, 8, 128)]
OTHERS = [row("fp32", torch.float32, 32)]
