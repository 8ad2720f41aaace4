"""The pictures that a drawing is given: a photograph, a mask of the part that is drawn anew, and a depth map."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from lambda_studio.settings.drawing import BatchRow
from lambda_studio.settings.pictures import require_needed


@dataclass(frozen=True)
class PictureInputs:
    """Pictures of the drawing's size. Each may be missing."""

    image: Float[Tensor, "3 height width"] | None = None
    """A photograph in 0..1, from which the drawing begins."""
    mask: Float[Tensor, "height width"] | None = None
    """1 where the photograph is drawn anew, 0 where it stays: the convention of diffusers' pipelines."""
    depth: Float[Tensor, "height width"] | None = None
    """A depth map in 0..1, for ControlNet decoders. Near is light."""

    def require(self, needs: frozenset[str]) -> None:
        """Raise InvalidSetting for a picture that the decoder needs, and for a depth map that it does not take."""
        names = {"from_image": self.image, "mask": self.mask, "depth": self.depth}
        require_needed([name for name, picture in names.items() if picture is not None], needs)

    def onto_photograph(
        self, pixels: Float[Tensor, "batch 3 height width"], fade: int
    ) -> Float[Tensor, "batch 3 height width"]:
        """Return pictures with the photograph's own pixels outside of the mask.

        Inside of it the photograph fades into the picture over `fade` pixels.
        """
        if self.image is None or self.mask is None:
            return pixels
        drawn = faded(self.mask, fade).to(pixels)
        return drawn * pixels + (1 - drawn) * self.image.to(pixels)


def faded(mask: Float[Tensor, "height width"], fade: int) -> Float[Tensor, "height width"]:
    """Return a mask that rises from its inner edge to 1 over `fade` pixels, and stays 0 where it is 0.

    A part of the mask that is thinner than this is 1 in its middle row.
    """
    layers, inner = [mask], mask
    for _ in range(fade - 1):
        inner = -F.max_pool2d(-inner[None], 3, stride=1, padding=1)[0]
        layers.append(inner)
    depth = torch.stack(layers).sum(dim=0)
    most = F.max_pool2d(depth[None], 2 * fade + 1, stride=1, padding=fade)[0]
    return depth / most.clamp(min=1)


def redrawn_latents(mask: Float[Tensor, "height width"], scale: int) -> Float[Tensor, "1 1 h w"]:
    """Return 1 for the latents that are drawn anew, 0 for those that stay.

    They are those of the mask and their neighbours, as `prepare_mask` of diffusers' KandinskyV22InpaintPipeline
    chooses them, and every latent with a pixel of the mask.

    Args:
        scale: pixels on a side of one latent.
    """
    white = mask[None, None]
    neighbours = white.new_tensor([[1, 1, 0], [1, 1, 1], [0, 1, 1]])[None, None]
    grown = F.conv2d(F.pad(white[..., ::scale, ::scale], (1, 1, 1, 1)), neighbours)
    return grown.clamp(max=1).maximum(F.max_pool2d(white, scale))


@dataclass(frozen=True)
class Batch:
    """What one batch of pictures is drawn from."""

    image_embeds: Float[Tensor, "batch dim"]
    negative_image_embeds: Float[Tensor, " dim"] | Float[Tensor, "batch dim"]
    """What guidance leads away from, one for all pictures or one for each."""
    seeds: Sequence[int]
    inputs: PictureInputs = field(default_factory=PictureInputs)
    only: int | None = None
    """The row that is wanted, of copies; None: all rows."""

    def copies(self, batch: BatchRow) -> "Batch":
        """Return a batch of copies of its only picture, which is wanted in its row of then.

        A row's pixels depend on the number of rows, by rounding, and not on what the others are. Raises ValueError for
        several pictures.
        """
        if len(self.seeds) != 1:
            raise ValueError(f"{len(self.seeds)} pictures cannot be copies of one")
        away = self.negative_image_embeds
        return replace(
            self,
            image_embeds=self.image_embeds.expand(batch.size, -1),
            negative_image_embeds=away.expand(batch.size, -1) if away.ndim == 2 else away,
            seeds=list(self.seeds) * batch.size,
            only=batch.row,
        )

    def part(self, start: int, count: int) -> "Batch":
        """Return `count` pictures of it, or those that are left."""
        rows = slice(start, start + count)
        away = self.negative_image_embeds
        away = away[rows] if away.ndim == 2 else away
        return replace(self, image_embeds=self.image_embeds[rows], negative_image_embeds=away, seeds=self.seeds[rows])
