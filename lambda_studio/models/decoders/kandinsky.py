"""Kandinsky 2.2's decoder: it draws an image embedding, and encodes pictures for training (Eq. 2)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.vq_model import VQModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from jaxtyping import Float, Int
from torch import Tensor, nn

from lambda_studio.config import Size
from lambda_studio.errors import StudioError
from lambda_studio.models.decoders.kandinsky_files import (
    decoder_fingerprints,
    drawn_multiple,
    embedding_dim,
    find_decoder,
    latent_side,
    movq_scale_factor,
    needed_pictures,
    needs_of,
    trained_resolution,
    unet_scale_factor,
)
from lambda_studio.models.decoders.kandinsky_memory import drawing_footprint, encoding_bytes, unet_blueprint
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
from lambda_studio.models.files.locating import read_json
from lambda_studio.models.files.pretrained import load_weights
from lambda_studio.models.files.sources import Source
from lambda_studio.models.files.weights import model_fingerprint


class KandinskyDecoder:
    """A UNet conditioned on image embeddings, the MoVQ of its latents, and a DDIM scheduler."""

    learns_variance = False  # the UNet has the channels, but was released with a fixed variance

    def __init__(
        self,
        unet: UNet2DConditionModel | None,
        movq: VQModel | None,
        scheduler: DDIMScheduler,
        *,
        scale_factor: int | None = None,
        fingerprints: dict[str, str] | None = None,
    ):
        self._parts: dict[str, Any] = {"unet": unet, "autoencoder": movq}
        self.scheduler = scheduler
        self.scale_factor: int = scale_factor or movq_scale_factor(self.movq.config)
        """Pixels on a side of one latent: 8 in Kandinsky 2.2."""
        self.settings: Mapping[str, int] = {}
        self.fingerprints = fingerprints or {}
        """A SHA-256 of configuration and weights for each of `unet` and `autoencoder`."""

    @property
    def unet(self) -> UNet2DConditionModel:
        """The network that fine-tuning trains. Raises StudioError if it is not loaded."""
        return self._get("unet")

    @property
    def movq(self) -> VQModel:
        """The spatially normalised VQ autoencoder. Raises StudioError if it is not loaded."""
        return self._get("autoencoder")

    @property
    def needs(self) -> frozenset[str]:
        """`mask` of an inpainting decoder, `depth` of a ControlNet, else nothing."""
        return needs_of(self.unet.config)

    @property
    def networks(self) -> tuple[nn.Module, ...]:
        """The loaded ones of UNet and MoVQ."""
        return tuple(part for part in self._parts.values() if part is not None)

    @property
    def parts(self) -> frozenset[str]:
        """Which of `unet` and `autoencoder` are loaded."""
        return frozenset(name for name, part in self._parts.items() if part is not None)

    def joined(self, other: "KandinskyDecoder") -> "KandinskyDecoder":
        """Return a decoder with the parts of both."""
        return self._with({**self._parts, **{name: other._parts[name] for name in other.parts}}, other.fingerprints)

    def without(self, part: str) -> "KandinskyDecoder":
        """Return this decoder without a part. The part's memory is freed with its last reference."""
        return self._with({**self._parts, part: None}, {})

    def _with(self, parts: dict[str, Any], more_fingerprints: dict[str, str]) -> "KandinskyDecoder":
        return KandinskyDecoder(
            parts["unet"],
            parts["autoencoder"],
            self.scheduler,
            scale_factor=self.scale_factor,
            fingerprints={**self.fingerprints, **more_fingerprints},
        )

    @property
    def resolution(self) -> int:
        """Pixels on a side of the UNet's training pictures."""
        return latent_side(self.unet.config) * self.scale_factor

    def latent_shape(self, size: Size) -> tuple[int, int, int]:
        """Return the shape of the latents of a picture. Raises InvalidSetting if the UNet cannot draw its size."""
        require_drawable(size, self.scale_factor * unet_scale_factor(self.unet.config))
        return self.unet.config.out_channels // 2, size.height // self.scale_factor, size.width // self.scale_factor

    def condition(self, image_embeds: Float[Tensor, "batch dim"], generators: Generators | None = None) -> Condition:
        """Return CLIP's image embeddings on the UNet's device. The condition has nothing else."""
        return {"image_embeds": image_embeds.to(first_weight(self.unet))}

    def no_picture(self, zero_image_embeds: Float[Tensor, " dim"]) -> Float[Tensor, " dim"]:
        """Return CLIP's embedding of a zero picture, with which Kandinsky 2.2 was trained."""
        return zero_image_embeds

    @torch.no_grad()
    def encode(self, pixels: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch channel h w"]:
        """Return the latents of pictures in 0..1, unscaled as in training (movq's scaling_factor is not applied)."""
        return self.movq.encode((2 * pixels - 1).to(self.movq.device, self.movq.dtype)).latents.float()

    def denoise(
        self,
        noisy_latents: Float[Tensor, "batch channel h w"],
        timesteps: Int[Tensor, " batch"] | Int[Tensor, ""],
        condition: Condition,
        unet: Any = None,
        variance: bool = False,
    ) -> Float[Tensor, "batch channel h w"]:
        """Predict the noise in the latents. Gradients flow.

        Beside `image_embeds`, the condition of an inpainting decoder has `masked_latents` and `keep`, and that of a
        ControlNet a `hint`: see `generation.known`.
        """
        masked = [condition[name] for name in ("masked_latents", "keep") if name in condition]
        inputs, hint = torch.cat([noisy_latents, *masked], dim=1), condition.get("hint")
        predicted = predict_noise(unet or self.unet, inputs, timesteps, condition["image_embeds"], hint)
        return predicted[:, : noisy_latents.shape[1]]

    @torch.no_grad()
    def decode(
        self, latents: Float[Tensor, "batch channel h w"], in_tiles: bool = False, generators: Generators | None = None
    ) -> Float[Tensor, "batch 3 height width"]:
        """Return the pictures of these latents, in 0..1. They are decoded one by one, which takes less memory."""
        latents = latents.to(self.movq.device, self.movq.dtype)
        return decode_each(self._decode_whole, latents, self.scale_factor, in_tiles)

    def _decode_whole(self, latents: Float[Tensor, "1 channel h w"]) -> Float[Tensor, "1 3 height width"]:
        return self.movq.decode(latents, force_not_quantize=True).sample.float()

    def predict_noise(
        self,
        noisy_latents: Float[Tensor, "batch channel h w"],
        timesteps: Int[Tensor, " batch"] | Int[Tensor, ""],
        image_embeds: Float[Tensor, "batch dim"],
    ) -> Float[Tensor, "batch predicted h w"]:
        """Return the UNet's raw output: four channels of noise, four of variance. Gradients flow."""
        return predict_noise(self.unet, noisy_latents, timesteps, image_embeds)

    def _get(self, name: str) -> Any:
        if self._parts[name] is None:
            raise StudioError(f"The decoder's {name} was not loaded.", f"Load the decoder with parts=({name!r},).")
        return self._parts[name]


def predict_noise(
    unet: torch.nn.Module,
    noisy_latents: Float[Tensor, "batch channel h w"],
    timesteps: Int[Tensor, " batch"] | Int[Tensor, ""],
    image_embeds: Float[Tensor, "batch dim"],
    hint: Float[Tensor, "batch 3 height width"] | None = None,
) -> Float[Tensor, "batch predicted h w"]:
    """Return a UNet's raw output; the UNet may be wrapped by accelerate. `hint` is the depth map of a ControlNet."""
    condition = {"image_embeds": image_embeds} if hint is None else {"image_embeds": image_embeds, "hint": hint}
    return unet(noisy_latents, timesteps, encoder_hidden_states=None, added_cond_kwargs=condition, return_dict=False)[0]


def load_decoder(
    source: Source | str | Path,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
    parts: Sequence[Part] = BOTH_PARTS,
) -> KandinskyDecoder:
    """Load a decoder, or one part of it, from a folder or hub id in diffusers' layout (unet/ movq/ scheduler/).

    Raises ModelFilesMissing and ModelFilesInvalid.
    """
    if not isinstance(source, Source):
        source = Source(source if isinstance(source, str) else f"local-dir:{source}")
    files = find_decoder(source, parts)
    classes = {"unet": UNet2DConditionModel, "autoencoder": VQModel}
    loaded = {part: load_weights(classes[part], files[part], device, dtype) for part in parts}
    return KandinskyDecoder(
        loaded.get("unet"),
        loaded.get("autoencoder"),
        released_scheduler(read_json(files["scheduler"])),
        scale_factor=movq_scale_factor(read_json(files["autoencoder_config"])),
        fingerprints={part: model_fingerprint(files[part]) for part in parts},
    )


def released_scheduler(config: dict[str, Any]) -> DDIMScheduler:
    """Return DDIM with the decoder's noise schedule, without clipping, as in the original release."""
    known = {key: value for key, value in config.items() if not key.startswith("_") and key != "variance_type"}
    return DDIMScheduler.from_config({**known, "clip_sample": False})


FAMILY = Family(
    find=find_decoder,
    fingerprints=decoder_fingerprints,
    resolution=trained_resolution,
    load=load_decoder,
    footprint=drawing_footprint,
    blueprint=unet_blueprint,
    multiple=drawn_multiple,
    embedding_dim=embedding_dim,
    needs=needed_pictures,
    encoding=encoding_bytes,
)
