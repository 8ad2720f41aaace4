"""The constants of a run on its device, by the shape of the latents."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from lambda_studio.training.examples import Example
from lambda_studio.training.randomness import MicroBatch

KEPT = 0.5
"""The weight of the surroundings, relative to the subject's."""


@dataclass(frozen=True)
class Part:
    """The examples of a micro-step whose latents have one shape, with their noise and timesteps."""

    shape: int
    """The number of the shape in the table."""
    batch: MicroBatch
    """Its rows are those of all examples."""


class Tables:
    """The latents, embeddings and masks of a run's examples, in one tensor for each shape of the latents.

    Args:
        examples: The examples, in the order of their rows.
        device: Where the tensors are.
        background: The least weight of a latent, if errors are weighted by the subjects' masks; else None.
        keeps: Whether the surroundings of a subject are trained to stay; otherwise they do not count.
    """

    def __init__(
        self, examples: Sequence[Example], device: torch.device, background: float | None = None, keeps: bool = False
    ):
        self.device = device
        shapes = sorted({tuple(example.latents.shape) for example in examples})
        self._shape = [shapes.index(tuple(example.latents.shape)) for example in examples]
        members = [[row for row, shape in enumerate(self._shape) if shape == number] for number in range(len(shapes))]
        self._place = torch.zeros(len(examples), dtype=torch.long)
        for rows in members:
            self._place[rows] = torch.arange(len(rows))
        self._place = self._place.to(device)
        self.latents = [torch.stack([examples[row].latents for row in rows]).float().to(device) for rows in members]
        self.image_embeds = torch.stack([example.image_embeds for example in examples]).float().to(device)
        weighted = background is not None or any(example.only_subject for example in examples)
        self.masks = None if not weighted else [
            torch.stack([_weights(examples[row], background, keeps) for row in rows]).to(device) for rows in members
        ]  # fmt: skip
        self._learnt = None if not keeps else [
            torch.stack([_learnt(examples[row]) for row in rows]).to(device) for rows in members
        ]  # fmt: skip
        self.largest = tuple(max(sides) for sides in zip(*shapes, strict=True))
        """Channels, and the greatest height and width of all shapes."""

    def parts(self, batch: MicroBatch) -> Iterator[Part]:
        """Iterate over the batch's parts of one shape. Each example's noise is the corner of the largest shape's."""
        if len(self.latents) == 1:
            yield Part(0, batch)
            return
        shapes = torch.tensor([self._shape[row] for row in batch.rows.tolist()])
        for number in shapes.unique().tolist():
            at = (shapes == number).nonzero().flatten()
            height, width = self.latents[number].shape[-2:]
            noise = batch.noise[at, :, :height, :width].contiguous()
            yield Part(number, MicroBatch(batch.rows[at], noise, batch.timesteps[at]))

    def select(
        self, shape: int, rows: Tensor
    ) -> tuple[Float[Tensor, "batch channels height width"], Float[Tensor, "batch dim"], Tensor | None]:
        """Return the latents, embeddings and masks of rows (on the device) whose latents have this shape."""
        at = self._place[rows]
        return self.latents[shape][at], self.image_embeds[rows], None if self.masks is None else self.masks[shape][at]

    def learnt_of(self, shape: int, rows: Tensor) -> Float[Tensor, "batch height width"] | None:
        """Return how much of each latent is learnt in these rows, whose latents have this shape; None is all of it."""
        return None if self._learnt is None else self._learnt[shape][self._place[rows]]


def _learnt(example: Example) -> Float[Tensor, "height width"]:
    if example.only_subject and example.mask is not None:
        return example.mask
    return torch.ones(example.latents.shape[-2:])


def _weights(example: Example, background: float | None, keeps: bool) -> Float[Tensor, "height width"]:
    """Return the weights of an example's latents: 1 for the subject, and everywhere where none is known.

    Surroundings that are kept count `KEPT` times as much as the subject, of any size, but no latent of them more.
    """
    if example.mask is not None and example.mask.any():
        if example.only_subject:
            rest = 1 - example.mask
            return example.mask + keeps * KEPT * rest * (example.mask.sum() / rest.sum().clamp(min=1.0)).clamp(max=1.0)
        if background is not None:
            return example.mask.clamp(min=background)
    return torch.ones(example.latents.shape[-2:])
