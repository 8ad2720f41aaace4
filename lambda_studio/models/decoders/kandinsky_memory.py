"""The memory that drawing with Kandinsky 2.2's decoder takes, counted from its configuration on the meta device."""

from typing import Any

import torch
from diffusers.models.autoencoders.vq_model import VQModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor

from lambda_studio.config import Size
from lambda_studio.models.decoders.counting import GUIDED, built, config_in
from lambda_studio.models.decoders.deep_cache import kept_bytes
from lambda_studio.models.decoders.kandinsky_files import FOLDERS, movq_scale_factor, needs_of
from lambda_studio.models.decoders.protocol import Blueprint, Footprint
from lambda_studio.models.decoders.tiles import BLENDING_BYTES, TILE
from lambda_studio.models.files.sources import Source
from lambda_studio.models.memory.live_bytes import peak_bytes, weight_bytes


def drawing_footprint(source: Source, size: Size, dtype: torch.dtype) -> Footprint:
    """Return the memory of drawing pictures of this size. Only configurations are read.

    Raises ModelFilesMissing and ModelFilesInvalid.
    """
    unet_config, movq_config = (config_in(source, folder) for folder in FOLDERS.values())
    unet, movq = built(UNet2DConditionModel, unet_config, dtype), built(VQModel, movq_config, dtype)
    height, width = (side // movq_scale_factor(movq_config) for side in size)
    of: dict[str, Any] = {"device": "meta", "dtype": dtype}
    channels = unet_config["out_channels"] // 2
    taken = channels if (hinted := "depth" in needs_of(unet_config)) else unet_config["in_channels"]
    latents, inputs = torch.empty(1, channels, height, width, **of), torch.empty(GUIDED, taken, height, width, **of)
    condition = {"image_embeds": torch.empty(GUIDED, unet_config["encoder_hid_dim"], **of)}
    if hinted:
        condition["hint"] = torch.empty(GUIDED, 3, *size, **of)
    timestep = torch.empty((), device="meta", dtype=torch.int64)

    def denoise() -> None:
        unet(inputs, timestep, encoder_hidden_states=None, added_cond_kwargs=condition)

    def decoding(one: Tensor) -> int:
        return peak_bytes(movq, lambda: movq.decode(one, force_not_quantize=True))

    in_tiles = None
    if max(size) > TILE:
        side = TILE // movq_scale_factor(movq_config)
        in_tiles = decoding(latents[..., :side, :side]) + BLENDING_BYTES * size.height * size.width
    weights = weight_bytes(unet) + weight_bytes(movq)
    step, kept = peak_bytes(unet, denoise), kept_bytes(unet, inputs)
    return Footprint(weights, step, decoding(latents), in_tiles, kept)


def encoding_bytes(source: Source, size: Size, dtype: torch.dtype) -> int:
    """Return the bytes of the tensors while MoVQ encodes one photograph. Only the configuration is read.

    Raises ModelFilesMissing and ModelFilesInvalid.
    """
    movq = built(VQModel, config_in(source, FOLDERS["autoencoder"]), dtype)
    photograph = torch.empty(1, 3, *size, device="meta", dtype=dtype)
    return peak_bytes(movq, lambda: movq.encode(photograph))


def unet_blueprint(source: Source, resolution: int, dtype: torch.dtype) -> Blueprint:
    """Return the UNet on the meta device, without values. Raises ModelFilesMissing and ModelFilesInvalid."""
    unet_config, movq_config = (config_in(source, folder) for folder in FOLDERS.values())
    embeds = torch.empty(1, unet_config["encoder_hid_dim"], device="meta", dtype=dtype)
    inputs = {"encoder_hidden_states": None, "added_cond_kwargs": {"image_embeds": embeds}}
    side = resolution // movq_scale_factor(movq_config)
    return Blueprint(built(UNet2DConditionModel, unet_config, dtype), side, inputs)
