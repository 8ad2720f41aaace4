"""Randomness without state: the random values of a step are a function of the seed and the step only.

A resumed run draws the same values as an uninterrupted run, and saves no random state.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lambda_studio.training.timesteps import TimestepSampling, uniform_timesteps


def seed_for(*parts: int | str) -> int:
    """Return a seed in 0..2**63-1, a function of `parts`: (seed, "noise", micro_step, rank), for instance."""
    digest = hashlib.sha256("\x1f".join(f"{type(part).__name__}:{part}" for part in parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator_for(*parts: int | str) -> torch.Generator:
    """Return a CPU generator seeded by `seed_for(*parts)`. Its values do not depend on the training device."""
    return torch.Generator().manual_seed(seed_for(*parts))


def permutation(size: int, *parts: int | str) -> list[int]:
    """Return 0..size-1 in a random order that is a function of `parts`."""
    return torch.randperm(size, generator=generator_for(*parts)).tolist()


FINEST = 10
"""Weights are rounded to multiples of one in this."""


class EvenOrder:
    """The order of a run's examples; `concepts` names each example's concept.

    An epoch draws every concept once, for any number of images, or as often as its weight says. A concept's images take
    turns: each is drawn once before any is repeated. Each position lies in one epoch, and no position depends on
    another.

    Args:
        weights: How much more often than others a concept is drawn, by its name; 1 if it is not named.
        part: The name of another order of the same seed.
    """

    def __init__(
        self, concepts: Sequence[str], seed: int, weights: Mapping[str, float] | None = None, part: str | None = None
    ):
        self.seed, self._parts = seed, (seed,) if part is None else (seed, part)
        rows: dict[str, list[int]] = {}
        for row, concept in enumerate(concepts):
            rows.setdefault(concept, []).append(row)
        self.rows = list(rows.values())
        self.times = _times([(weights or {}).get(concept, 1.0) for concept in rows])
        self.drawn = [concept for concept, times in enumerate(self.times) for _ in range(times)]

    def draw(self, start: int, count: int) -> list[int]:
        """Return the examples at positions start..start+count-1."""
        size = len(self.drawn)
        first, last = start // size, (start + count - 1) // size
        drawn = [row for epoch in range(first, last + 1) for row in self._epoch(epoch)]
        return drawn[start - first * size :][:count]

    def _epoch(self, epoch: int) -> list[int]:
        order = permutation(len(self.drawn), *self._parts, "concepts", epoch)
        numbers = [epoch * times for times in self.times]
        rows = []
        for concept in (self.drawn[at] for at in order):
            rows.append(self._row(concept, numbers[concept]))
            numbers[concept] += 1
        return rows

    def _row(self, concept: int, number: int) -> int:
        """Return the example for the time `number` (from 0) that a concept is drawn."""
        rows = self.rows[concept]
        turn, place = divmod(number, len(rows))
        return rows[permutation(len(rows), *self._parts, "images", concept, turn)[place]]


class LaterOrder:
    """An order that begins at a micro-step of a run."""

    def __init__(self, order: EvenOrder, since: int):
        self.order, self.since, self.seed = order, since, order.seed

    def draw(self, start: int, count: int) -> list[int]:
        """Return the examples of the micro-step whose batch of `count` begins at this position of the run."""
        return self.order.draw(start - self.since * count, count)


def _times(weights: Sequence[float]) -> list[int]:
    """Return how often each concept is drawn in an epoch: the smallest whole numbers in the ratio of the weights."""
    times = [max(1, round(weight * FINEST)) for weight in weights]
    return [each // math.gcd(*times) for each in times]


@dataclass(frozen=True)
class MicroStep:
    """One forward and backward pass: number `number` of its run (from 0), in process `rank` of `processes`."""

    number: int
    rank: int = 0
    processes: int = 1


@dataclass(frozen=True)
class MicroBatch:
    """The inputs of one micro-step on one process: rows of the example table, and Eq. 2's ε and t."""

    rows: Int[Tensor, " batch"]
    noise: Float[Tensor, "batch channels height width"]
    timesteps: Int[Tensor, " batch"]

    def to(self, device: torch.device) -> "MicroBatch":
        """Copy the batch to `device` without waiting for the device's queue."""
        if device.type == "cpu":
            return self
        tensors = [self.rows, self.noise, self.timesteps]
        if device.type == "cuda":
            tensors = [tensor.pin_memory() for tensor in tensors]
        return MicroBatch(*(tensor.to(device, non_blocking=True) for tensor in tensors))


def draw_micro_batch(
    order: EvenOrder | LaterOrder,
    at: MicroStep,
    batch_size: int,
    latent_shape: Sequence[int],
    num_train_timesteps: int,
    sampling: TimestepSampling = uniform_timesteps,
) -> MicroBatch:
    """Draw this process's part of the batch of one micro-step.

    All processes draw the same rows, noise and timesteps for the batches of all, as one process would that has them in
    one batch. Each takes its own part.
    """
    whole, own = batch_size * at.processes, slice(at.rank * batch_size, (at.rank + 1) * batch_size)
    rows = order.draw(at.number * whole, whole)
    generator = generator_for(order.seed, "noise", at.number, 0)
    noise = torch.randn((whole, *latent_shape), generator=generator, dtype=torch.float32)
    timesteps = sampling(whole, num_train_timesteps, generator)
    return MicroBatch(torch.tensor(rows[own]), noise[own], timesteps[own])
