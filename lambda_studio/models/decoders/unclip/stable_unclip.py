"""Stable unCLIP's decoder (Stable Diffusion 2.1, λ-ECLIPSE G.1): it draws an image embedding and an empty prompt."""

from collections.abc import Mapping, Sequence
from inspect import signature
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.pipelines.stable_diffusion.stable_unclip_image_normalizer import StableUnCLIPImageNormalizer
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from jaxtyping import Float, Int
from torch import Tensor, nn

from lambda_studio.config import Size
from lambda_studio.models.decoders.protocol import (
    BOTH_PARTS,
    Condition,
    Family,
    Generators,
    Part,
    first_weight,
    require_drawable,
)
from lambda_studio.models.decoders.tiles import decode_each
from lambda_studio.models.decoders.unclip.empty_text import empty_text
from lambda_studio.models.decoders.unclip.image_noise import ImageNoise
from lambda_studio.models.decoders.unclip.parts import LoadedParts
from lambda_studio.models.decoders.unclip.stable_unclip_files import (
    decoder_fingerprints,
    drawn_multiple,
    embedding_dim,
    find_decoder,
    halvings,
    latent_side,
    part_fingerprint,
    trained_resolution,
)
from lambda_studio.models.decoders.unclip.stable_unclip_memory import drawing_footprint, encoding_bytes, unet_blueprint
from lambda_studio.models.files.locating import read_json
from lambda_studio.models.files.pretrained import load_weights
from lambda_studio.models.files.sources import Source


class StableUnclipDecoder:
    """A UNet conditioned on noised image embeddings and an empty prompt, the autoencoder of its latents, and DDIM.

    Args:
        scale_factor: pixels on a side of one latent: 8 in Stable unCLIP.
        settings: `noise_level`, if it is not 0.
    """

    learns_variance = False
    needs: frozenset[str] = frozenset()

    def __init__(
        self, parts: LoadedParts, scheduler: DDIMScheduler, scale_factor: int, settings: Mapping[str, int] | None = None
    ):
        self._loaded, self.scheduler, self.scale_factor = parts, scheduler, scale_factor
        self.settings: Mapping[str, int] = settings or {}
        self.fingerprints = dict(parts.fingerprints)

    @property
    def unet(self) -> UNet2DConditionModel:
        """The network that fine-tuning trains. Raises StudioError if it is not loaded."""
        return self._loaded.get("unet", "unet")

    @property
    def vae(self) -> AutoencoderKL:
        """The autoencoder. Raises StudioError if it is not loaded."""
        return self._loaded.get("autoencoder", "vae")

    @property
    def networks(self) -> tuple[nn.Module, ...]:
        """The loaded networks, with the module of the condition."""
        return self._loaded.all

    @property
    def parts(self) -> frozenset[str]:
        """Which of `unet` and `autoencoder` are loaded."""
        return self._loaded.names

    def joined(self, other: "StableUnclipDecoder") -> "StableUnclipDecoder":
        """Return a decoder with the parts of both."""
        return self._with(self._loaded.joined(other._loaded))

    def without(self, part: str) -> "StableUnclipDecoder":
        """Return this decoder without a part. The part's memory is freed with its last reference."""
        return self._with(self._loaded.without(part))

    def _with(self, parts: LoadedParts) -> "StableUnclipDecoder":
        return StableUnclipDecoder(parts, self.scheduler, self.scale_factor, self.settings)

    @property
    def resolution(self) -> int:
        """Pixels on a side of the UNet's training pictures."""
        return latent_side(self.unet.config) * self.scale_factor

    def latent_shape(self, size: Size) -> tuple[int, int, int]:
        """Return the shape of the latents of a picture. Raises InvalidSetting if the UNet cannot draw its size."""
        require_drawable(size, self.scale_factor * halvings(self.unet.config))
        return self.unet.config.in_channels, size.height // self.scale_factor, size.width // self.scale_factor

    @torch.no_grad()
    def condition(self, image_embeds: Float[Tensor, "batch dim"], generators: Generators | None = None) -> Condition:
        """Return the embeddings with noise and its level, and the states of an empty prompt.

        A row of zeros is no picture: its condition is zero, level included, as Stable unCLIP was trained.
        """
        weight = first_weight(self.unet)
        embeds = image_embeds.to(weight.device, torch.float32)
        noise = None
        if generators is not None:
            rows = [torch.randn(1, embeds.shape[1], generator=generator) for generator in generators]
            noise = torch.cat(rows).to(weight.device)
        told = self._loaded.get("unet", "condition")(embeds, noise)
        told = told.masked_fill((embeds == 0).all(dim=1, keepdim=True), 0)
        return {"image": told.to(weight), "text": self._text.to(weight).expand(len(embeds), -1, -1)}

    @property
    def _text(self) -> Float[Tensor, "1 position width"]:
        return self._loaded.get("unet", "text").states

    def no_picture(self, zero_image_embeds: Float[Tensor, " dim"]) -> Float[Tensor, " dim"]:
        """Return zeros: Stable unCLIP was trained without the embedding of any picture."""
        return torch.zeros_like(zero_image_embeds)

    @torch.no_grad()
    def encode(self, pixels: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch channel h w"]:
        """Return the latents of pictures in 0..1: the means of their distributions, scaled as the UNet expects."""
        means = self.vae.encode((2 * pixels - 1).to(self.vae.device, self.vae.dtype)).latent_dist.mode()
        return means.float() * self.vae.config.scaling_factor

    def denoise(
        self,
        noisy_latents: Float[Tensor, "batch channel h w"],
        timesteps: Int[Tensor, " batch"] | Int[Tensor, ""],
        condition: Condition,
        unet: Any = None,
        variance: bool = False,
    ) -> Float[Tensor, "batch channel h w"]:
        """Predict the velocity of the latents, or what else `scheduler` says. Gradients flow."""
        network: Any = self.unet if unet is None else unet
        text, image = condition["text"], condition["image"]
        return network(noisy_latents, timesteps, encoder_hidden_states=text, class_labels=image, return_dict=False)[0]

    @torch.no_grad()
    def decode(
        self, latents: Float[Tensor, "batch channel h w"], in_tiles: bool = False, generators: Generators | None = None
    ) -> Float[Tensor, "batch 3 height width"]:
        """Return the pictures of these latents, in 0..1. They are decoded one by one, which takes less memory."""
        latents = latents.to(self.vae.device, self.vae.dtype) / self.vae.config.scaling_factor
        return decode_each(self._decode_whole, latents, self.scale_factor, in_tiles)

    def _decode_whole(self, latents: Float[Tensor, "1 channel h w"]) -> Float[Tensor, "1 3 height width"]:
        return self.vae.decode(latents, return_dict=False)[0].float()


class TextStates(nn.Module):
    """The states of a prompt, which move with the networks."""

    states: Tensor

    def __init__(self, states: Float[Tensor, "1 position width"]):
        super().__init__()
        self.register_buffer("states", states)


def load_decoder(
    source: Source | str | Path,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
    parts: Sequence[Part] = BOTH_PARTS,
    noise_level: int = 0,
) -> StableUnclipDecoder:
    """Load a decoder, or one part of it, from a folder or hub id in diffusers' layout (docs/stacks.md).

    With the UNet the text encoder is loaded, for the states of an empty prompt, and freed.
    Raises ModelFilesMissing and ModelFilesInvalid.
    """
    if not isinstance(source, Source):
        source = Source(source if isinstance(source, str) else f"local-dir:{source}")
    files = find_decoder(source, parts)
    networks: dict[str, dict[str, nn.Module]] = {}
    if "unet" in parts:
        unet = load_weights(UNet2DConditionModel, files["unet"], device, dtype)
        networks["unet"] = {"unet": unet, **_condition(files, noise_level, device)}
    if "autoencoder" in parts:
        networks["autoencoder"] = {"vae": load_weights(AutoencoderKL, files["vae"], device, dtype)}
    return StableUnclipDecoder(
        LoadedParts(networks, {part: part_fingerprint(files, part) for part in parts}),
        ddim_of(read_json(files["scheduler"])),
        halvings(read_json(files["vae_config"])),
        {"noise_level": noise_level} if noise_level else {},
    )


def _condition(files: Mapping[str, Path], noise_level: int, device: str | torch.device) -> dict[str, nn.Module]:
    normalizer = load_weights(StableUnCLIPImageNormalizer, files["image_normalizer"], "cpu", torch.float32)
    noising = DDPMScheduler.from_config(_known(DDPMScheduler, read_json(files["noising"])))
    condition = ImageNoise(normalizer.mean, normalizer.std, noising.alphas_cumprod, noise_level)
    text = TextStates(empty_text(files, projects=False).hidden_states)
    return {"condition": condition.to(device), "text": text.to(device)}


def ddim_of(config: dict[str, Any]) -> DDIMScheduler:
    """Return DDIM with the noise schedule of the released PNDM, which does not clip latents."""
    return DDIMScheduler.from_config({**_known(DDIMScheduler, config), "clip_sample": False})


def _known(scheduler: Any, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of another scheduler's configuration that this one has."""
    return {key: value for key, value in config.items() if key in signature(scheduler.__init__).parameters}


FAMILY = Family(
    find=find_decoder,
    fingerprints=decoder_fingerprints,
    resolution=trained_resolution,
    load=load_decoder,
    footprint=drawing_footprint,
    blueprint=unet_blueprint,
    multiple=drawn_multiple,
    embedding_dim=embedding_dim,
    encoding=encoding_bytes,
)
