"""The training of the oracle: every question on new scenes, and the identity on pairs."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from lambda_studio.miniature.judge.oracle import Oracle, identity_loss, identity_of, oracle_loss, owners
from lambda_studio.miniature.recipe.stage import LossOf
from lambda_studio.miniature.world.figures import FIGURES
from lambda_studio.miniature.world.scenes import (
    NOUNS,
    Scene,
    concatenate,
    identities,
    in_every_slot,
    render,
    scenes,
)
from lambda_studio.miniature.world.seeding import seeded

AHEAD = {"cpu": 1, "cuda": 16}
"""The steps whose pictures are drawn at once. A GPU draws thousands of pictures in the time of a few."""
Drawn = tuple[Scene, Float[Tensor, "batch 3 height width"], Int[Tensor, "batch cell"]]
"""Scenes, their pictures, and the owner of each cell of the pictures."""


def oracle_stage(oracle: Oracle, seed: int, batch_size: int) -> LossOf:
    """Return the loss of every question on new scenes: half random scenes, half pairs of one subject.

    The pairs train the identity. Most negatives of a pair have its noun, because a dog and a car are easy to
    distinguish.
    """
    pairs = batch_size // 4

    def scene_of(step: int) -> Scene:
        generator = seeded(seed, "oracle", step)
        alone = torch.zeros(pairs, dtype=torch.int64)
        nouns = tuple(tuple(FIGURES)[(step + i) % len(FIGURES)] for i in range(2))
        who = in_every_slot(identities(pairs, generator, held_out=False, nouns=nouns))
        twice = [scenes(pairs, generator, who=who, relation=alone) for _ in range(2)]
        return concatenate([scenes(batch_size - 2 * pairs, generator), *twice])

    batch_of = _drawn_ahead(scene_of)

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


def _drawn_ahead(scene_of: Callable[[int], Scene]) -> Callable[[int, torch.device], Drawn]:
    """Return a function from a step and a device to the step's batch, which is drawn on that device.

    `AHEAD` steps are drawn at once. The batches do not depend on this number.
    """
    drawn: dict[int, Drawn] = {}

    def batch_of(step: int, device: torch.device) -> Drawn:
        if step not in drawn:
            drawn.clear()
            first = step - step % AHEAD[device.type]
            steps = range(first, first + AHEAD[device.type])
            parts = [scene_of(number) for number in steps]
            whole = concatenate(parts).to(device)
            rendered = render(whole)
            owner = owners(rendered, whole)
            places = torch.arange(len(whole), device=device).split([len(part) for part in parts])
            drawn.update({n: (whole[at], rendered.images[at], owner[at]) for n, at in zip(steps, places, strict=True)})
        return drawn[step]

    return batch_of


def _worse(images: Tensor, generator: torch.Generator) -> Tensor:
    """Return the pictures, all slightly noisy and half of them blurred: generated pictures are not crisp."""
    size = int(torch.randint(28, 64, (), generator=generator))
    coarse = F.interpolate(images[::2], size=(size, size), mode="bilinear", antialias=True, align_corners=False)
    images = images.clone()
    images[::2] = F.interpolate(coarse, size=images.shape[-2:], mode="bilinear", align_corners=False)
    noise = seeded(generator.initial_seed(), "noise", device=images.device)
    return (images + 0.03 * torch.randn(images.shape, generator=noise, device=images.device)).clamp(0, 1)
