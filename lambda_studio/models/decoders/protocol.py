"""The protocol of image decoders of every family: Kandinsky 2.2, and later Stable unCLIP and Karlo."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from typing_extensions import Protocol, runtime_checkable  # Python 3.11's own reads properties of unloaded parts

from lambda_studio.config import LARGEST, Size, require
from lambda_studio.models.files.sources import Source

Part = Literal["unet", "autoencoder"]
BOTH_PARTS: tuple[Part, ...] = ("unet", "autoencoder")
Condition = Mapping[str, Tensor]
"""The UNet's inputs beside the latents: tensors by name, with one row for each picture."""


@runtime_checkable
class Decoder(Protocol):
    """A UNet that denoises latents under a condition, and the autoencoder of these latents. Each may be missing."""

    scheduler: Any
    """The noise schedule: a scheduler of diffusers. Each sampler copies it, so that samplers share no state."""
    scale_factor: int
    """Pixels on a side of one latent."""
    fingerprints: dict[str, str]
    """A SHA-256 of configuration and weights for each part."""

    @property
    def unet(self) -> Any:
        """The denoising network, which adapters change. Raises StudioError if it is not loaded."""
        ...

    @property
    def networks(self) -> Sequence[torch.nn.Module]:
        """The loaded networks."""
        ...

    @property
    def parts(self) -> frozenset[str]:
        """Which of `unet` and `autoencoder` are loaded."""
        ...

    @property
    def resolution(self) -> int:
        """Pixels on a side of the UNet's training pictures."""
        ...

    def latent_shape(self, size: Size) -> tuple[int, int, int]:
        """Return channels, height and width of the latents of a picture of this size.

        Raises InvalidSetting if the UNet cannot draw the size.
        """
        ...

    def condition(self, image_embeds: Float[Tensor, "batch dim"]) -> Condition:
        """Return the UNet's condition for pictures with these CLIP embeddings (not normalised)."""
        ...

    def encode(self, pixels: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch channel h w"]:
        """Return the latents of pictures in 0..1, in the UNet's scale."""
        ...

    def denoise(
        self,
        noisy_latents: Float[Tensor, "batch channel h w"],
        timesteps: Int[Tensor, " batch"] | Int[Tensor, ""],
        condition: Condition,
    ) -> Float[Tensor, "batch channel h w"]:
        """Predict the noise in the latents, in the scheduler's `prediction_type`. Gradients flow."""
        ...

    def decode(
        self, latents: Float[Tensor, "batch channel h w"], in_tiles: bool = False
    ) -> Float[Tensor, "batch 3 height width"]:
        """Return the pictures of these latents, in 0..1. Large ones may be decoded in tiles if `in_tiles` is true."""
        ...

    def joined(self, other: Any) -> "Decoder":
        """Return a decoder with the parts of both. `other` is of the same family."""
        ...

    def without(self, part: str) -> "Decoder":
        """Return this decoder without a part. The part's memory is freed with its last reference."""
        ...


@dataclass(frozen=True)
class Footprint:
    """The memory of drawing at one size, in bytes."""

    weights: int
    """All parameters of the decoder."""
    denoising: int
    """The tensors of one denoising step of one picture."""
    decoding: int
    """The tensors of the decoding of one picture."""
    decoding_in_tiles: int | None = None
    """The same in tiles; None if the picture is no larger than a tile."""


class Blueprint(NamedTuple):
    """A UNet without values, on the meta device, to count with."""

    unet: torch.nn.Module
    side: int
    """The height and width of a picture's latents."""


@dataclass(frozen=True)
class Family:
    """Functions that find and load decoders of one family. All raise ModelFilesMissing and ModelFilesInvalid."""

    find: Callable[[Source, Sequence[Part]], Mapping[str, Path]]
    """Return the files of these parts. Download them from a hub id."""
    fingerprints: Callable[[Source], dict[str, str]]
    """Return `Decoder.fingerprints` of both parts, from their files."""
    resolution: Callable[[Source], int]
    """Return `Decoder.resolution`, from the configuration."""
    load: Callable[[Source, torch.device, torch.dtype, Sequence[Part]], Decoder]
    """Load these parts."""
    footprint: Callable[[Source, Size, torch.dtype], Footprint] | None = None
    """Return the memory of drawing pictures of this size, from the configuration."""
    blueprint: Callable[[Source, int, torch.dtype], Blueprint] | None = None
    """Return what training pictures of this many pixels is counted with, from the configuration."""
    multiple: Callable[[Source], int] | None = None
    """Return the number of which height and width must be multiples, from the configuration. None: any size."""


def require_drawable(size: Size, multiple: int) -> None:
    """Raise InvalidSetting, with the nearest size, if height or width is no multiple of this number."""
    most = LARGEST["resolution"] // multiple
    nearest = Size(*(multiple * min(max(round(side / multiple), 1), most) for side in size))
    what = "resolution" if size.height == size.width else "size"
    remedy = f"This decoder draws multiples of {multiple}. The nearest is {nearest}."
    require(all(side > 0 and side % multiple == 0 for side in size), f"The {what} is {size}.", remedy)
