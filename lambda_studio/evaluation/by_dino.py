"""DINO ViT-S/16 (version 1), the likeness of DreamBooth's paper, through timm."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn

from lambda_studio.errors import ModelFilesInvalid
from lambda_studio.evaluation.measures import View
from lambda_studio.models.files.locating import read_json
from lambda_studio.models.files.sources import Source

FILES = ("config.json", "model.safetensors")
SHORT_SIDE, SIDE = 256, 224
"""The transform of torch.hub's DINO: the short side to 256 pixels, then the middle 224."""
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet's."""
BATCH = 32


class DinoLikeness:
    """DINO: the cosine similarity of the class token's features.

    Args:
        folder: the folder of timm's files, see `find_dino`.
        device: the device of the network.
    """

    name = "DINO"

    def __init__(self, folder: Path, device: torch.device):
        self.folder, self.device = folder, device

    @torch.no_grad()
    def embed(self, views: Sequence[View]) -> Float[Tensor, "view dim"]:
        """Return the features of each view's middle square, in float32."""
        pixels = torch.stack([dino_pixels(view.image, self._side) for view in views])
        found = [self._network(part.to(self.device)).float().cpu() for part in pixels.split(BATCH)]
        return F.normalize(torch.cat(found), dim=-1)

    @cached_property
    def _config(self) -> dict[str, Any]:
        return read_json(self.folder / FILES[0])

    @property
    def _side(self) -> int:
        return int(self._config.get("model_args", {}).get("img_size", SIDE))

    @cached_property
    def _network(self) -> nn.Module:
        """The network, loaded on first use. Raises ModelFilesInvalid."""
        import timm

        try:
            arguments = self._config.get("model_args", {})
            network = timm.create_model(self._config["architecture"], pretrained=False, num_classes=0, **arguments)
            network.load_state_dict(load_file(self.folder / FILES[1]))
        except (KeyError, RuntimeError, TypeError, ValueError, OSError) as error:
            why = str(error).splitlines()[0][:200]
            remedy = "Fetch the files again, or give dino = 'FOLDER' in the stack's TOML file."
            raise ModelFilesInvalid(f"{self.folder} holds no DINO for timm ({why}).", remedy) from error
        return network.eval().requires_grad_(False).to(self.device)


def find_dino(source: Source) -> Path | None:
    """Return the folder of DINO's files, or None if they are not on this machine. Nothing is downloaded.

    Raises ModelFilesInvalid for a file that is not the pinned one.
    """
    found = {name: source.find([name]) for name in FILES}
    for name, path in found.items():
        if path is None:
            return None
        source.require_pinned(name, path)
    weights = found[FILES[1]]
    return weights.parent if weights else None


def dino_pixels(image: Image.Image, side: int = SIDE) -> Float[Tensor, "3 side side"]:
    """Return a picture's middle square of `side` pixels, as torch.hub's transform makes it, normalised."""
    short = side * SHORT_SIDE // SIDE
    width, height = (int(short * length / min(image.size)) for length in image.size)
    scaled = image.convert("RGB").resize((width, height), Image.Resampling.BICUBIC)
    left, top = round((width - side) / 2), round((height - side) / 2)
    square = np.asarray(scaled.crop((left, top, left + side, top + side)), dtype=np.float32) / 255
    return rearrange(torch.from_numpy((square - MEAN) / np.array(STD)).float(), "h w c -> c h w")
