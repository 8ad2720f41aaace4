"""The protocol of image decoders of every family: Kandinsky 2.2, Stable unCLIP and Karlo."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
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
Generators = Sequence[torch.Generator]
"""The random generator of each picture, on the CPU."""


@runtime_checkable
class Decoder(Protocol):
    """A UNet that denoises latents under a condition, and the autoencoder of these latents. Each may be missing."""

    scheduler: Any
    """The noise schedule: a scheduler of diffusers. Each sampler copies it, so that samplers share no state."""
    scale_factor: int
    """Pixels on a side of one latent."""
    fingerprints: dict[str, str]
    """A SHA-256 of configuration and weights for each part."""
    learns_variance: bool
    """Whether `denoise` can return the variance of ancestral sampling (`ddpm`)."""
    settings: Mapping[str, int]
    """The settings of its family that are not at their default, such as Stable unCLIP's `noise_level`."""

    @property
    def unet(self) -> Any:
        """The denoising network, which adapters change. Raises StudioError if it is not loaded."""
        ...

    @property
    def needs(self) -> frozenset[str]:
        """The pictures without which it draws nothing: `mask` (with a photograph), `depth`. See `PictureInputs`."""
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

    def condition(self, image_embeds: Float[Tensor, "batch dim"], generators: Generators | None = None) -> Condition:
        """Return the UNet's condition for pictures with these CLIP embeddings (not normalised).

        Args:
            generators: for decoders that add noise to the embeddings. None: the mean, without noise.
        """
        ...

    def no_picture(self, zero_image_embeds: Float[Tensor, " dim"]) -> Float[Tensor, " dim"]:
        """Return the embedding by which `condition` knows that there is no picture, for guidance.

        Args:
            zero_image_embeds: CLIP's embedding of a zero picture, for decoders that were trained with it.
        """
        ...

    def encode(self, pixels: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch channel h w"]:
        """Return the latents of pictures in 0..1, in the UNet's scale."""
        ...

    def denoise(
        self,
        noisy_latents: Float[Tensor, "batch channel h w"],
        timesteps: Int[Tensor, " batch"] | Int[Tensor, ""],
        condition: Condition,
        unet: Any = None,
        variance: bool = False,
    ) -> Float[Tensor, "batch predicted h w"]:
        """Predict the noise in the latents, in the scheduler's `prediction_type`. Gradients flow.

        Args:
            unet: the decoder's own UNet as a training loop wrapped it. None is the decoder's own.
            variance: whether the channels of the variance follow, if the decoder `learns_variance`.
        """
        ...

    def decode(
        self, latents: Float[Tensor, "batch channel h w"], in_tiles: bool = False, generators: Generators | None = None
    ) -> Float[Tensor, "batch 3 height width"]:
        """Return the pictures of these latents, in 0..1. Large ones may be decoded in tiles if `in_tiles` is true.

        Args:
            generators: for decoders that draw what is finer than the latents. None: the same noise for each picture.
        """
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
    kept: int = 0
    """The deep features of one picture that are kept between steps, if `deep_cache_interval` is above 1."""
    encoding: int = 0
    """The tensors of the encoding of a photograph; 0 if there is none."""

    def keeping(self) -> "Footprint":
        """Return the memory of drawing with these features."""
        return replace(self, denoising=self.denoising + self.kept, kept=0)


class Blueprint(NamedTuple):
    """A UNet without values, on the meta device, to count with."""

    unet: torch.nn.Module
    side: int
    """The height and width of a picture's latents."""
    inputs: Mapping[str, Any]
    """The UNet's keyword arguments beside latents and timesteps, for one picture."""


@dataclass(frozen=True)
class Family:
    """Functions that find and load decoders of one family. All raise ModelFilesMissing and ModelFilesInvalid."""

    find: Callable[[Source, Sequence[Part]], Mapping[str, Path]]
    """Return the files of these parts. Download them from a hub id."""
    fingerprints: Callable[[Source], dict[str, str]]
    """Return `Decoder.fingerprints` of both parts, from their files."""
    resolution: Callable[[Source], int]
    """Return `Decoder.resolution`, from the configuration."""
    load: Callable[..., Decoder]
    """Load these parts: of a source, on a device, in a dtype; the family's settings are keyword arguments."""
    footprint: Callable[[Source, Size, torch.dtype], Footprint] | None = None
    """Return the memory of drawing pictures of this size, from the configuration."""
    blueprint: Callable[[Source, int, torch.dtype], Blueprint] | None = None
    """Return what training pictures of this many pixels is counted with, from the configuration."""
    multiple: Callable[[Source], int] | None = None
    """Return the number of which height and width must be multiples, from the configuration. None: any size."""
    embedding_dim: Callable[[Source], int | None] | None = None
    """Return how many numbers the CLIP embeddings have that it draws, from the configuration. None: it is not known."""
    needs: Callable[[Source], frozenset[str]] | None = None
    """Return `Decoder.needs`, from the configuration. None: nothing."""
    encoding: Callable[[Source, Size, torch.dtype], int] | None = None
    """Return the bytes of the tensors while a photograph of this size is encoded, from the configuration."""


def require_drawable(size: Size, multiple: int) -> None:
    """Raise InvalidSetting, with the nearest size, if height or width is no multiple of this number."""
    most = LARGEST["resolution"] // multiple
    nearest = Size(*(multiple * min(max(round(side / multiple), 1), most) for side in size))
    remedy = f"This decoder draws multiples of {multiple}. The nearest is {nearest}."
    drawable = all(side > 0 and side % multiple == 0 for side in size)
    require(drawable, f"Pictures of {size} pixels cannot be drawn.", remedy, "resolution", "size")


def first_weight(network: torch.nn.Module) -> torch.nn.Parameter:
    """Return the first weight of a network. The network's inputs need its device and dtype.

    Under a LoRA it is the base's. `dtype` and `device` of diffusers' networks search all modules, in each call.
    """
    return next(network.parameters())
