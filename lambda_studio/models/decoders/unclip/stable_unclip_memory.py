"""The memory that drawing and training with Stable unCLIP take, counted from its configurations on the meta device."""

from collections.abc import Mapping
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor

from lambda_studio.config import Size
from lambda_studio.models.decoders.counting import GUIDED, built, config_in
from lambda_studio.models.decoders.deep_cache import kept_bytes
from lambda_studio.models.decoders.protocol import Blueprint, Footprint
from lambda_studio.models.decoders.tiles import BLENDING_BYTES, TILE
from lambda_studio.models.decoders.unclip.empty_text import ENCODER
from lambda_studio.models.decoders.unclip.stable_unclip_files import UNET, VAE, halvings
from lambda_studio.models.files.sources import Source
from lambda_studio.models.memory.live_bytes import peak_bytes, weight_bytes


def drawing_footprint(source: Source, size: Size, dtype: torch.dtype) -> Footprint:
    """Return the memory of drawing pictures of this size. Only configurations are read.

    Raises ModelFilesMissing and ModelFilesInvalid.
    """
    unet = built(UNet2DConditionModel, config_in(source, UNET), dtype)
    vae = built(AutoencoderKL, config_in(source, VAE), dtype)
    scale = halvings(vae.config)
    latents = torch.empty(
        GUIDED, unet.config.in_channels, size.height // scale, size.width // scale, device="meta", dtype=dtype
    )
    inputs, timestep = _inputs(source, unet, GUIDED), torch.empty((), device="meta", dtype=torch.int64)

    def decoding(one: Tensor) -> int:
        return peak_bytes(vae, lambda: vae.decode(one))

    in_tiles = None
    if max(size) > TILE:
        side = TILE // scale
        in_tiles = decoding(latents[:1, :, :side, :side]) + BLENDING_BYTES * size.height * size.width
    weights, step = weight_bytes(unet) + weight_bytes(vae), peak_bytes(unet, lambda: unet(latents, timestep, **inputs))
    return Footprint(weights, step, decoding(latents[:1]), in_tiles, kept_bytes(unet, latents))


def encoding_bytes(source: Source, size: Size, dtype: torch.dtype) -> int:
    """Return the bytes of the tensors while the VAE encodes one photograph. Only the configuration is read.

    Raises ModelFilesMissing and ModelFilesInvalid.
    """
    vae = built(AutoencoderKL, config_in(source, VAE), dtype)
    photograph = torch.empty(1, 3, *size, device="meta", dtype=dtype)
    return peak_bytes(vae, lambda: vae.encode(photograph))


def unet_blueprint(source: Source, resolution: int, dtype: torch.dtype) -> Blueprint:
    """Return the UNet on the meta device, without values. Raises ModelFilesMissing and ModelFilesInvalid."""
    unet = built(UNet2DConditionModel, config_in(source, UNET), dtype)
    return Blueprint(unet, resolution // halvings(config_in(source, VAE)), _inputs(source, unet, 1))


def _inputs(source: Source, unet: Any, rows: int) -> Mapping[str, Tensor]:
    """Return the condition of this many pictures, without values."""
    positions = config_in(source, ENCODER)["max_position_embeddings"]
    of = {"device": "meta", "dtype": unet.dtype}
    text = torch.empty(rows, positions, unet.config.cross_attention_dim, **of)
    image = torch.empty(rows, unet.config.projection_class_embeddings_input_dim, **of)
    return {"encoder_hidden_states": text, "class_labels": image}
