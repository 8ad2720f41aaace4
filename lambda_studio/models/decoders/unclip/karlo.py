"""Karlo's decoder: it draws an image embedding at 64 pixels, and enlarges the picture to 256."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from diffusers.models.unets.unet_2d import UNet2DModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.pipelines.deprecated.unclip.text_proj import UnCLIPTextProjModel
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_unclip import UnCLIPScheduler
from jaxtyping import Float, Int
from torch import Tensor, nn

from lambda_studio.config import Size
from lambda_studio.models.decoders.protocol import BOTH_PARTS, Condition, Family, Generators, Part, require_drawable
from lambda_studio.models.decoders.unclip.empty_text import EmptyText, empty_text
from lambda_studio.models.decoders.unclip.enlarging import enlarge
from lambda_studio.models.decoders.unclip.karlo_files import (
    DECODER,
    ENLARGERS,
    TEXT_PROJ,
    decoder_fingerprints,
    drawn_multiple,
    embedding_dim,
    find_decoder,
    halvings,
    part_fingerprint,
    scale_of,
    side_of,
    trained_resolution,
)
from lambda_studio.models.decoders.unclip.karlo_memory import drawing_footprint, unet_blueprint
from lambda_studio.models.decoders.unclip.parts import LoadedParts
from lambda_studio.models.files.locating import read_json
from lambda_studio.models.files.pretrained import load_weights
from lambda_studio.models.files.sources import Source

RELEASED_STEPS = 7
"""The steps of the enlarging, as in diffusers' pipeline."""


class KarloDecoder:
    """A UNet on pixels, conditioned on image embeddings and an empty prompt, and the two UNets that enlarge.

    The latents are the small picture itself, in -1..1.

    Args:
        enlarging: the noise schedule of the enlarging.
        scale_factor: how much larger, on a side, the enlarged picture is: 4 in Karlo.
        settings: `super_res_steps`, if they are not the released ones.
    """

    learns_variance = True
    needs: frozenset[str] = frozenset()

    def __init__(
        self,
        parts: LoadedParts,
        scheduler: DDIMScheduler,
        enlarging: UnCLIPScheduler,
        scale_factor: int,
        settings: Mapping[str, int] | None = None,
    ):
        self._loaded, self.scheduler, self._enlarging = parts, scheduler, enlarging
        self.scale_factor = scale_factor
        self.settings: Mapping[str, int] = settings or {}
        self.fingerprints = dict(parts.fingerprints)

    @property
    def unet(self) -> UNet2DConditionModel:
        """The network that fine-tuning trains. Raises StudioError if it is not loaded."""
        return self._loaded.get("unet", "unet")

    @property
    def networks(self) -> tuple[nn.Module, ...]:
        """The loaded networks, with the module of the condition."""
        return self._loaded.all

    @property
    def parts(self) -> frozenset[str]:
        """Which of `unet` and `autoencoder` are loaded."""
        return self._loaded.names

    def joined(self, other: "KarloDecoder") -> "KarloDecoder":
        """Return a decoder with the parts of both."""
        return self._with(self._loaded.joined(other._loaded))

    def without(self, part: str) -> "KarloDecoder":
        """Return this decoder without a part. The part's memory is freed with its last reference."""
        return self._with(self._loaded.without(part))

    def _with(self, parts: LoadedParts) -> "KarloDecoder":
        return KarloDecoder(parts, self.scheduler, self._enlarging, self.scale_factor, self.settings)

    @property
    def resolution(self) -> int:
        """Pixels on a side of an enlarged training picture."""
        return side_of(self.unet.config, DECODER) * self.scale_factor

    def latent_shape(self, size: Size) -> tuple[int, int, int]:
        """Return the shape of the small picture. Raises InvalidSetting if the UNet cannot draw the size."""
        require_drawable(size, self.scale_factor * halvings(self.unet.config))
        return self.unet.config.in_channels, size.height // self.scale_factor, size.width // self.scale_factor

    def condition(self, image_embeds: Float[Tensor, "batch dim"], generators: Generators | None = None) -> Condition:
        """Return the text projection's states, and its part of the time embedding."""
        return self._loaded.get("unet", "condition")(image_embeds)

    def no_picture(self, zero_image_embeds: Float[Tensor, " dim"]) -> Float[Tensor, " dim"]:
        """Return the embedding that Karlo learnt for no picture."""
        return self._loaded.get("unet", "condition").absent.float()

    @torch.no_grad()
    def encode(self, pixels: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch channel h w"]:
        """Return the small pictures of pictures in 0..1: the means of squares of pixels."""
        return 2 * F.avg_pool2d(pixels.float(), self.scale_factor) - 1

    def denoise(
        self,
        noisy_latents: Float[Tensor, "batch channel h w"],
        timesteps: Int[Tensor, " batch"] | Int[Tensor, ""],
        condition: Condition,
        unet: Any = None,
        variance: bool = False,
    ) -> Float[Tensor, "batch predicted h w"]:
        """Predict the noise of the small pictures, and behind it the variance if asked. Gradients flow."""
        network: Any = self.unet if unet is None else unet
        predicted = network(noisy_latents, timesteps, return_dict=False, **condition)[0]
        return predicted if variance else predicted[:, : noisy_latents.shape[1]]

    @torch.no_grad()
    def decode(
        self, latents: Float[Tensor, "batch channel h w"], in_tiles: bool = False, generators: Generators | None = None
    ) -> Float[Tensor, "batch 3 height width"]:
        """Return the enlarged pictures, in 0..1. They are enlarged one by one and as a whole, also if `in_tiles`."""
        first, last = (self._loaded.get("autoencoder", name) for name in ENLARGERS)
        steps = self.settings.get("super_res_steps", RELEASED_STEPS)
        each = generators or [torch.Generator().manual_seed(0) for _ in latents]
        small = latents.to(first.device, first.dtype).clamp(-1, 1).split(1)
        larger = [
            enlarge(one, self.scale_factor, (first, last), self._enlarging, steps, generator)
            for one, generator in zip(small, each, strict=True)
        ]
        return (torch.cat(larger).float() / 2 + 0.5).clamp(0, 1)


class TextProjection(nn.Module):
    """Karlo's condition: image embeddings and the states of an empty prompt, projected. Its weights are frozen.

    The states behind the end token, which Karlo's attention masks, are left out.
    """

    hidden_states: Tensor
    pooled: Tensor

    def __init__(self, projection: UnCLIPTextProjModel, text: EmptyText):
        super().__init__()
        self.projection = projection
        self.register_buffer("hidden_states", text.hidden_states[:, text.mask[0]])
        self.register_buffer("pooled", text.pooled)

    @property
    def absent(self) -> Float[Tensor, " dim"]:
        """The learned embedding of no picture."""
        return self.projection.learned_classifier_free_guidance_embeddings

    @torch.no_grad()
    def forward(self, image_embeds: Float[Tensor, "batch dim"]) -> Condition:
        """Return the UNet's keyword arguments."""
        count, absent = len(image_embeds), self.absent
        states, embeds = self.projection(
            image_embeddings=image_embeds.to(absent),
            prompt_embeds=self.pooled.to(absent).expand(count, -1),
            text_encoder_hidden_states=self.hidden_states.to(absent).expand(count, -1, -1),
            do_classifier_free_guidance=False,
        )
        return {"encoder_hidden_states": states, "class_labels": embeds}


def load_decoder(
    source: Source | str | Path,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
    parts: Sequence[Part] = BOTH_PARTS,
    super_res_steps: int = RELEASED_STEPS,
) -> KarloDecoder:
    """Load a decoder, or one part of it, from a folder or hub id in diffusers' layout (docs/stacks.md).

    With the UNet the text encoder is loaded, for the states of an empty prompt, and freed.
    Raises ModelFilesMissing and ModelFilesInvalid.
    """
    if not isinstance(source, Source):
        source = Source(source if isinstance(source, str) else f"local-dir:{source}")
    files = find_decoder(source, parts)
    networks: dict[str, dict[str, nn.Module]] = {}
    if "unet" in parts:
        projection = load_weights(UnCLIPTextProjModel, files[TEXT_PROJ], device, dtype)
        condition = TextProjection(projection, empty_text(files, projects=True)).to(device)
        unet = load_weights(UNet2DConditionModel, files["unet"], device, dtype)
        networks["unet"] = {"unet": unet, "condition": condition}
    if "autoencoder" in parts:
        networks["autoencoder"] = {name: load_weights(UNet2DModel, files[name], device, dtype) for name in ENLARGERS}
    return KarloDecoder(
        LoadedParts(networks, {part: part_fingerprint(files, part) for part in parts}),
        ddim_of(UnCLIPScheduler.from_config(read_json(files["decoder_scheduler"]))),
        UnCLIPScheduler.from_config(read_json(files["super_res_scheduler"])),
        scale_of(read_json(files["decoder_config"]), read_json(files[f"{ENLARGERS[0]}_config"])),
        {} if super_res_steps == RELEASED_STEPS else {"super_res_steps": super_res_steps},
    )


def ddim_of(released: UnCLIPScheduler) -> DDIMScheduler:
    """Return DDIM with the noise schedule of Karlo's own scheduler.

    The predicted picture is limited to -1..1; `thresholding` says the same to the samplers that know only this. The
    timesteps trail: DDIM's step takes them to be evenly spaced, which UnCLIPScheduler's are not.
    """
    config = released.config
    limited = config.clip_sample and config.clip_sample_range == 1
    changes = {"thresholding": limited, "sample_max_value": 1.0, "timestep_spacing": "trailing"}
    return DDIMScheduler.from_config({**config, "variance_type": None, **changes})


FAMILY = Family(
    find=find_decoder,
    fingerprints=decoder_fingerprints,
    resolution=trained_resolution,
    load=load_decoder,
    footprint=drawing_footprint,
    blueprint=unet_blueprint,
    multiple=drawn_multiple,
    embedding_dim=embedding_dim,
)
