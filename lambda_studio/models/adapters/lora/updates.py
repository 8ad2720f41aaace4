"""Low-rank updates from a file: their checks, and their sum with the weights that they change."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from lambda_studio.models.adapters.information import invalid

PARTS = {"lora_A.weight": "down", "lora_B.weight": "up", "lora_magnitude_vector": "magnitude"}
"""peft's names of an update's tensors."""
KEY = re.compile(r"(?P<module>.+)\.(?P<part>lora_A\.weight|lora_B\.weight|lora_magnitude_vector)")


@dataclass(frozen=True)
class LowRankUpdate:
    """The update of one layer: a linear layer's matrices, or a convolution's kernels."""

    down: Tensor
    """(rank, in), or (rank, in, height, width)."""
    up: Tensor
    """(out, rank), or (out, rank, 1, 1)."""
    magnitude: Tensor | None = None
    """DoRA's lengths of the rows of the updated weight: (out,), or (1, out, 1, 1)."""

    def fits(self, weight: tuple[int, ...], rank: int) -> bool:
        """Return whether this is an update of this rank for a weight of this shape."""
        out, ones = weight[0], (1,) * (len(weight) - 2)
        magnitude = (1, out, *ones) if ones else (out,)
        shapes = (tuple(self.down.shape), tuple(self.up.shape))
        fits_magnitude = self.magnitude is None or tuple(self.magnitude.shape) == magnitude
        return fits_magnitude and shapes == ((rank, *weight[1:]), (out, rank, *ones))

    @torch.no_grad()
    def product(self, weight: Tensor, scale: float) -> Tensor:
        """Return scale * up @ down in the shape and on the device of a weight, in float32."""
        down, up = (side.to(weight.device, torch.float32) for side in (self.down, self.up))
        return scale * (up.flatten(1) @ down.flatten(1)).view(weight.shape)

    @torch.no_grad()
    def added_to(self, weight: Tensor, scale: float) -> Tensor:
        """Return the updated weight in float32.

        DoRA (Liu et al., 2024, Eq. 5): each row has the direction of weight + scale * up @ down, and the length that
        `magnitude` says.
        """
        changed = weight.float() + self.product(weight, scale)
        if self.magnitude is not None:
            changed = (changed.flatten(1) * self.gains(weight, scale)[:, None]).view(weight.shape)
        return changed

    @torch.no_grad()
    def gains(self, weight: Tensor, scale: float) -> Tensor:
        """Return the factor of each row of weight + scale * up @ down: (out,). It is 1 without a magnitude."""
        if self.magnitude is None:
            return torch.ones(weight.shape[0], device=weight.device)
        lengths = torch.linalg.vector_norm((weight.float() + self.product(weight, scale)).flatten(1), dim=1)
        return self.magnitude.to(weight.device, torch.float32).flatten() / lengths


def updates_of(tensors: Mapping[str, Tensor], use_dora: bool, path: Path) -> dict[str, LowRankUpdate]:
    """Return each module's update. Raises ModelFilesInvalid for other tensors and for incomplete updates."""
    parts: dict[str, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        matched = KEY.fullmatch(key)
        if matched is None:
            raise invalid(path, f"it contains {key[:80]!r}, which is not a low-rank update")
        parts.setdefault(matched["module"], {})[PARTS[matched["part"]]] = tensor
    if not parts:
        raise invalid(path, "it is empty")
    needed = {"down", "up", *(["magnitude"] if use_dora else [])}
    for module, found in parts.items():
        if found.keys() != needed:
            what = "incomplete" if found.keys() < needed else "of DoRA, and the file is not"
            raise invalid(path, f"the update of {module[:80]} is {what}")
    return {module: LowRankUpdate(**found) for module, found in parts.items()}
