"""DINO, the likeness of DreamBooth's paper (ViT-S/16 of version 1), its ViT-S/8, and DINOv2, through timm."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn

from lambda_studio.errors import ModelFilesInvalid
from lambda_studio.evaluation.measures import View
from lambda_studio.evaluation.transforms import normalised, resized_middle
from lambda_studio.models.files.locating import read_json
from lambda_studio.models.files.sources import Source

NAME = "DINO"
"""The metric of a stack's `dino` in reports."""
WEIGHTS = "model.safetensors"
FILES = ("config.json", WEIGHTS)
SHORT_SIDE, SIDE = 256, 224
"""The transform of torch.hub's DINO, and of DINOv2's evaluation: the short side to 256 pixels, then the middle 224."""
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet's."""
BATCH = 32
OFFSET = 0.1


class DinoLikeness:
    """DINO: the cosine similarity of the class token's features.

    Args:
        folder: the folder of timm's files, see `find_dino`.
        device: the device of the network.
        name: the metric's name in reports.
        side: the pixels of the network's pictures. By default those of its training, which DINOv2 is not used with.
    """

    def __init__(self, folder: Path, device: torch.device, name: str = NAME, side: int | None = None):
        self.folder, self.device, self.name, self._wanted_side = folder, device, name, side

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
        return int(self._wanted_side or self._config.get("model_args", {}).get("img_size", SIDE))

    @cached_property
    def _network(self) -> nn.Module:
        """The network, loaded on first use. Raises ModelFilesInvalid."""
        import timm

        try:
            arguments = {**self._config.get("model_args", {}), "img_size": self._side}
            network = timm.create_model(self._config["architecture"], pretrained=False, num_classes=0, **arguments)
            weights = load_file(self.folder / FILES[1])
            network.load_state_dict(weights | _positions(weights, network))
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
    return normalised(resized_middle(image, side * SHORT_SIDE // SIDE, side), MEAN, STD)


def _positions(weights: Mapping[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """Return the position embeddings for the network's picture size, as DINOv2's code interpolates them.

    Its models of torch.hub add an offset of 0.1 to the new grid, and do not smooth (`interpolate_antialias` is false).
    """
    old, wanted = weights.get("pos_embed"), getattr(network, "pos_embed", None)
    if old is None or wanted is None or old.shape == wanted.shape or old.shape[::2] != wanted.shape[::2]:
        return {}
    tokens = 1  # the class token has a position of its own
    before, after = (round((each.shape[1] - tokens) ** 0.5) for each in (old, wanted))
    grid = rearrange(old[:, tokens:].float(), "one (h w) dim -> one dim h w", h=before)
    scaled = F.interpolate(grid, scale_factor=(after + OFFSET) / before, mode="bicubic")
    return {"pos_embed": torch.cat([old[:, :tokens], rearrange(scaled, "one dim h w -> one (h w) dim")], dim=1)}
