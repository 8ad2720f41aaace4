"""Measure the work of the public λ-ECLIPSE fine-tuning script in each step, as its README runs it.

Each picture is opened and encoded by MoVQ and CLIP's vision tower in every step. The whole UNet is trained with
gradient checkpointing and PyTorch's default AdamW, in fp32 with one picture at a time and four in a step. The README
asks for 768 pixels, but the script always trains on 512.
"""

import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from lambda_studio.pictures.crops import square_crop

from .meter import Bench, Measurement, Phases, measure
from .report import Row

PICTURES = 8


class ScriptLoop:
    """The script's models, pictures and optimiser."""

    def __init__(self, bench: Bench, dtype: torch.dtype, folder: Path):
        models, self.dtype, self.resolution = bench.models, dtype, bench.models.shapes.resolution
        self.decoder = models.decoder(dtype, ("autoencoder",)).joined(models.decoder(torch.float32, ("unet",)))
        self.unet = self.decoder.unet.requires_grad_(True).train()
        self.unet.enable_gradient_checkpointing()
        self.clip = models.clip(dtype, ("vision",))
        self.adamw = torch.optim.AdamW(self.unet.parameters(), lr=1e-5, weight_decay=1e-2)
        self.device, self.phases, self.opened = bench.device, Phases(bench.device), 0
        self.files = write_pictures(folder, 2 * self.resolution)

    def step(self, batch_size: int, accumulate: int) -> None:
        """Run an optimiser step."""
        for _ in range(accumulate):
            latents, image_embeds = self._encoded(batch_size)
            with self.phases("forward"):
                loss = self._loss(latents, image_embeds) / accumulate
            with self.phases("backward"):
                loss.backward()
        with self.phases("clip and AdamW"):
            torch.nn.utils.clip_grad_norm_(self.unet.parameters(), 1.0)
            self.adamw.step()
            self.adamw.zero_grad()
        loss.item()  # the script logs the loss of each step

    def _encoded(self, batch_size: int) -> tuple[Tensor, Tensor]:
        with self.phases("open"):
            crops = [self._open() for _ in range(batch_size)]
            pixels = torch.stack([to_pixels(crop) for crop in crops])
            small = [square_crop(crop, self.clip.image_size) for crop in crops]
        with self.phases("MoVQ"):
            latents = self.decoder.encode(pixels)
        with self.phases("CLIP"):
            return latents, self.clip.encode_images(small)

    def _open(self) -> Image.Image:
        self.opened += 1
        with Image.open(self.files[self.opened % PICTURES]) as picture:
            return square_crop(picture.convert("RGB"), self.resolution)

    def _loss(self, latents: Tensor, image_embeds: Tensor) -> Tensor:
        noise, scheduler = torch.randn_like(latents), self.decoder.scheduler
        timesteps = torch.randint(scheduler.config.num_train_timesteps, (len(latents),), device=self.device)
        noisy_latents = scheduler.add_noise(latents, noise, timesteps)
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            noise_pred = self.decoder.predict_noise(noisy_latents, timesteps, image_embeds)
        return F.mse_loss(noise_pred[:, :4].float(), noise)


def write_pictures(folder: Path, side: int) -> list[Path]:
    """Write pictures of smoothed noise as JPEG files, such as a camera's."""
    generator, files = np.random.default_rng(0), [folder / f"{number}.jpg" for number in range(PICTURES)]
    for file in files:
        coarse = generator.integers(256, size=(64, 48, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((side, 4 * side // 3)).save(file, quality=92)
    return files


def to_pixels(image: Image.Image) -> Tensor:
    """Return the pixels, in 0..1."""
    return torch.from_numpy(np.array(image)).permute(2, 0, 1) / 255


def script(bench: Bench, dtype: torch.dtype, batch_size: int, accumulate: int) -> Measurement:
    """Measure optimiser steps of the script."""
    with tempfile.TemporaryDirectory() as folder:
        loop = ScriptLoop(bench, dtype, Path(folder))
        return measure(bench, lambda: loop.step(batch_size, accumulate), batch_size * accumulate, phases=loop.phases)


def row(name: str, dtype: torch.dtype, batch_size: int, accumulate: int) -> Row:
    """Return the row of one precision and batch size."""
    return Row(
        f"fine-tune, public script, {name}, {batch_size} x {accumulate}",
        partial(script, dtype=dtype, batch_size=batch_size, accumulate=accumulate),
        exact=True,  # PyTorch's default
    )


MAIN = [row("fp32", torch.float32, 1, 4), row("bf16", torch.bfloat16, 1, 4)]
OTHERS = [row("fp32", torch.float32, 4, 1), row("bf16", torch.bfloat16, 4, 1)]
