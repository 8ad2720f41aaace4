"""Networks without values, on the meta device, to count the memory of a decoder with."""

from typing import Any

import torch
from accelerate import init_empty_weights
from torch import nn

from lambda_studio.models.files.locating import read_json
from lambda_studio.models.files.sources import Source

GUIDED = 2
"""Rows of the UNet for each picture: with the condition and without it."""


def config_in(source: Source, folder: str) -> dict[str, Any]:
    """Return the configuration of a network. Raises ModelFilesMissing and ModelFilesInvalid."""
    place, prefix = source.replaced(folder)
    return read_json(place.get([f"{prefix}config.json"]))


def built(kind: Any, config: dict[str, Any], dtype: torch.dtype) -> Any:
    """Return a network of diffusers with this configuration."""
    with init_empty_weights(include_buffers=True):
        model = kind.from_config(config)
    return nn.Module.to(model, dtype).eval()  # diffusers' own `to` warns, although there are no values yet
