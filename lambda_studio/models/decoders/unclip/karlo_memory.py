"""The memory that drawing and training with Karlo take, counted from its configurations on the meta device."""

from collections.abc import Mapping
from typing import Any

import torch
from diffusers.models.unets.unet_2d import UNet2DModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.pipelines.deprecated.unclip.text_proj import UnCLIPTextProjModel
from torch import Tensor

from lambda_studio.config import Size
from lambda_studio.models.decoders.counting import GUIDED, built, config_in
from lambda_studio.models.decoders.deep_cache import kept_bytes
from lambda_studio.models.decoders.protocol import Blueprint, Footprint
from lambda_studio.models.decoders.unclip.karlo_files import DECODER, ENLARGERS, TEXT_PROJ, place_of, scale_of
from lambda_studio.models.files.locating import read_json
from lambda_studio.models.files.sources import Source
from lambda_studio.models.memory.live_bytes import peak_bytes, weight_bytes

WORDS = 2
"""The states of an empty prompt that Karlo's attention sees: start and end."""


def drawing_footprint(source: Source, size: Size, dtype: torch.dtype) -> Footprint:
    """Return the memory of drawing pictures of this size. Only configurations are read. Nothing is decoded in tiles.

    Raises ModelFilesMissing and ModelFilesInvalid.
    """
    unet, projection = _unet(source, dtype), built(UnCLIPTextProjModel, config_in(source, TEXT_PROJ), dtype)
    enlargers = [built(UNet2DModel, config_in(source, folder), dtype) for folder in ENLARGERS]
    scale = scale_of(unet.config, enlargers[0].config)
    small = torch.empty(
        GUIDED, unet.config.in_channels, size.height // scale, size.width // scale, device="meta", dtype=dtype
    )
    large = torch.empty(1, enlargers[0].config.in_channels, *size, device="meta", dtype=dtype)
    inputs, timestep = _inputs(source, unet, GUIDED), torch.empty((), device="meta", dtype=torch.int64)
    weights = sum(map(weight_bytes, (unet, projection, *enlargers)))
    step = peak_bytes(unet, lambda: unet(small, timestep, **inputs))
    enlarging = peak_bytes(enlargers[0], lambda: enlargers[0](large, timestep))  # both have one shape
    enlarging += 2 * large.nbytes  # the network's input, whose halves are kept
    return Footprint(weights, step, enlarging, kept=kept_bytes(unet, small))


def unet_blueprint(source: Source, resolution: int, dtype: torch.dtype) -> Blueprint:
    """Return the UNet on the meta device, without values. Raises ModelFilesMissing and ModelFilesInvalid."""
    unet = _unet(source, dtype)
    side = resolution // scale_of(unet.config, config_in(source, ENLARGERS[0]))
    return Blueprint(unet, side, _inputs(source, unet, 1))


def _unet(source: Source, dtype: torch.dtype) -> Any:
    place, prefix = place_of(source, DECODER)
    return built(UNet2DConditionModel, read_json(place.get([f"{prefix}config.json"])), dtype)


def _inputs(source: Source, unet: Any, rows: int) -> Mapping[str, Tensor]:
    """Return the condition of this many pictures, without values."""
    projection = config_in(source, TEXT_PROJ)
    of = {"device": "meta", "dtype": unet.dtype}
    tokens = projection["clip_extra_context_tokens"] + WORDS
    states = torch.empty(rows, tokens, projection["cross_attention_dim"], **of)
    return {
        "encoder_hidden_states": states,
        "class_labels": torch.empty(rows, projection["time_embed_dim"], **of),
    }
