"""The training of the oracle: every question on new scenes, and the identity on pairs."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from lambda_studio.miniature.judge.oracle import Oracle, identity_loss, identity_of, oracle_loss, owners
from lambda_studio.miniature.recipe.stage import LossOf
from lambda_studio.miniature.recipe.stages.drawing import drawn_ahead
from lambda_studio.miniature.world.figures import FIGURES
from lambda_studio.miniature.world.identities import NOUNS, identities, in_every_slot
from lambda_studio.miniature.world.rendering import SEEN, render
from lambda_studio.miniature.world.scenes import Scene, concatenate, scenes
from lambda_studio.miniature.world.seeding import seeded

Drawn = tuple[Scene, Float[Tensor, "batch 3 height width"], Int[Tensor, "batch cell"]]
"""Scenes, their pictures, and the owner of each cell of the pictures."""


def oracle_stage(oracle: Oracle, seed: int, batch_size: int) -> LossOf:
    """Return the loss of every question on new scenes: half random scenes, half pairs of one subject.

    The pairs train the identity. Most negatives of a pair have its noun, because a dog and a car are easy to
    distinguish.
    """
    pairs, batch_of = batch_size // 4, drawn_ahead(_Drawing(seed, batch_size, oracle.grid))

    def loss_of(step: int) -> dict[str, Tensor]:
        scene, images, owner = batch_of(step, oracle.device)
        images = _worse(images, seeded(seed, "worse", step)).contiguous(memory_format=torch.channels_last)
        reading = oracle(images).float()
        identity = identity_of(reading, scene.who.noun[:, 0])[-2 * pairs :]
        told = identity_loss(identity[:pairs], identity[pairs:])
        cells = (reading.cells.argmax(-1) == owner)[owner < len(NOUNS)].float().mean()
        said = reading.nouns["main"].argmax(2).gather(1, scene.who.noun[:, :1])[:, 0]
        main = said == scene.who.main[:, 0]
        loss = oracle_loss(reading, scene, owner) + told
        return {"loss": loss, "identity": told, "cells": cells, "main": main.float().mean()}

    return loss_of


class _Drawing:
    """Draws the batches of some steps, each from its number."""

    def __init__(self, seed: int, batch_size: int, grid: int):
        self.seed, self.batch_size, self.pairs, self.grid = seed, batch_size, batch_size // 4, grid

    def __call__(self, steps: Sequence[int], device: torch.device) -> list[Drawn]:
        parts = [self._scene(step) for step in steps]
        whole = concatenate(parts).to(device)
        rendered = render(whole, SEEN)
        owner = owners(rendered, whole, self.grid)
        rows = torch.arange(len(whole), device=device).split(self.batch_size)
        return [(whole[at], rendered.images[at], owner[at]) for at in rows]

    def _scene(self, step: int) -> Scene:
        generator = seeded(self.seed, "oracle", step)
        alone = torch.zeros(self.pairs, dtype=torch.int64)
        nouns = tuple(tuple(FIGURES)[(step + i) % len(FIGURES)] for i in range(2))
        who = in_every_slot(identities(self.pairs, generator, held_out=False, nouns=nouns))
        twice = [scenes(self.pairs, generator, who=who, relation=alone) for _ in range(2)]
        return concatenate([scenes(self.batch_size - 2 * self.pairs, generator), *twice])


def _worse(images: Tensor, generator: torch.Generator) -> Tensor:
    """Return the pictures, all slightly noisy and half of them blurred: generated pictures are not crisp."""
    size = int(torch.randint(28, 64, (), generator=generator))
    coarse = F.interpolate(images[::2], size=(size, size), mode="bilinear", antialias=True, align_corners=False)
    images = images.clone()
    images[::2] = F.interpolate(coarse, size=images.shape[-2:], mode="bilinear", align_corners=False)
    noise = seeded(generator.initial_seed(), "noise", device=images.device)
    return (images + 0.03 * torch.randn(images.shape, generator=noise, device=images.device)).clamp(0, 1)
