"""What the engine asks of an image decoder, whatever its family: Kandinsky 2.2, and later Stable unCLIP and Karlo."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor
from typing_extensions import Protocol, runtime_checkable  # Python 3.11's own asks for parts that are not loaded

from lambda_studio.models.files import OnDownload

Part = Literal["unet", "autoencoder"]
BOTH_PARTS: tuple[Part, ...] = ("unet", "autoencoder")
Condition = Mapping[str, Tensor]
"""What a decoder's UNet is told beside the latents: tensors by name, with one row for each picture."""


@runtime_checkable
class Decoder(Protocol):
    """A UNet that denoises latents under a condition, and the autoencoder of these latents. Either may be missing."""

    scheduler: Any
    """The noise schedule: a scheduler of diffusers. Samplers copy it, so that no two of them share its state."""
    scale_factor: int
    """Pixels on a side of one latent."""
    fingerprints: dict[str, str]
    """A SHA-256 of configuration and weights for each of the parts."""

    @property
    def unet(self) -> Any:
        """The network that denoises, and that adapters change. Raises StudioError where it was not loaded."""
        ...

    @property
    def parts(self) -> frozenset[str]:
        """Which of `unet` and `autoencoder` are loaded."""
        ...

    @property
    def resolution(self) -> int:
        """The side, in pixels, of the pictures that the UNet was trained on."""
        ...

    def latent_shape(self, resolution: int) -> tuple[int, int, int]:
        """Return channels, height and width of a square picture's latents.

        Raises InvalidSetting for a resolution that the UNet cannot draw.
        """
        ...

    def condition(self, image_embeds: Float[Tensor, "batch dim"]) -> Condition:
        """Return what the UNet is told so that it draws pictures with these CLIP embeddings (not normalised)."""
        ...

    def encode(self, pixels: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch channel h w"]:
        """Return the latents, as the UNet denoises them, of pictures in 0..1."""
        ...

    def denoise(
        self,
        noisy_latents: Float[Tensor, "batch channel h w"],
        timesteps: Int[Tensor, " batch"] | Int[Tensor, ""],
        condition: Condition,
    ) -> Float[Tensor, "batch channel h w"]:
        """Predict, in the scheduler's `prediction_type`, what is added to the latents. Gradients flow."""
        ...

    def decode(self, latents: Float[Tensor, "batch channel h w"]) -> Float[Tensor, "batch 3 height width"]:
        """Return the pictures of these latents, in 0..1."""
        ...

    def joined(self, other: Any) -> "Decoder":
        """Return this decoder with the parts of another one of its family too."""
        ...

    def without(self, part: str) -> "Decoder":
        """Return this decoder without a part, whose memory is free once nothing else holds it."""
        ...


@dataclass(frozen=True)
class DecoderSource:
    """Where a decoder's files are."""

    place: str
    """A folder or hub id."""
    revision: str | None = None
    """The revision on the hub."""
    variant: str | None = None
    """The weight files' variant, such as fp16."""
    on_download: OnDownload | None = None
    """Called before a file is fetched."""


@dataclass(frozen=True)
class Family:
    """How the decoders of one family are found and loaded. All four raise ModelFilesMissing and ModelFilesInvalid."""

    find: Callable[[DecoderSource, Sequence[Part]], Mapping[str, Path]]
    """Return the files of these parts, fetched where they are on the hub."""
    fingerprints: Callable[[DecoderSource], dict[str, str]]
    """Return `Decoder.fingerprints` of both parts, from their files."""
    resolution: Callable[[DecoderSource], int]
    """Return `Decoder.resolution`, from the configuration."""
    load: Callable[[DecoderSource, torch.device, torch.dtype, Sequence[Part]], Decoder]
    """Load these parts."""
