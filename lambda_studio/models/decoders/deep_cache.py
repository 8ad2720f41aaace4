"""Reuse a UNet's deep features between denoising steps (DeepCache: Ma, Fang & Wang, CVPR 2024)."""

import copy
from typing import Any

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn

from lambda_studio.config import require

LAYERS = 1
"""How many of the UNet's last residual layers run in every step. Another number would draw other pictures."""
RUNS = 2
"""The features of so many whole runs are kept."""
FIELD = "deep_cache_interval"
BLOCKS = frozenset(
    f"{kind}{way}" for kind in ("", "CrossAttn", "SimpleCrossAttn") for way in ("DownBlock2D", "UpBlock2D")
) | {"ResnetDownsampleBlock2D", "ResnetUpsampleBlock2D"}
"""The kinds of blocks that can be cut between two layers."""


class Features(nn.Module):
    """The deep features of the last whole runs. As a module, it stands where the deep layers were."""

    def __init__(self) -> None:
        super().__init__()
        self.call = 0
        """The number of the UNet's present call."""
        self.runs: list[tuple[int, Tensor]] = []

    def keep(self, features: Tensor) -> None:
        """Keep the features of the present call, and those of the whole run before."""
        self.runs = [*self.runs[1 - RUNS :], (self.call, features)]

    def forward(self, *_: Any) -> Tensor:
        """Return the features that the present call is expected to have: on a line through those of two runs.

        Order 1 of TaylorSeer ("From Reusing to Forecasting", Liu et al., ICCV 2025).
        """
        last, features = self.runs[-1]
        if len(self.runs) == 1:
            return features
        before, earlier = self.runs[0]
        return torch.lerp(earlier, features, (self.call - before) / (last - before))


class DeepCache(nn.Module):
    """A UNet for one drawing: every `interval`-th call runs all of it, the others only its outer layers.

    The outer layers are the input convolution, the last `layers` residual layers, and those that these have skip
    connections from. What enters them from the deeper ones is expected from the last whole runs. The first call and
    the last but one are whole. The UNet itself is not changed: the networks here are views, which share its layers.

    Args:
        steps: the number of calls.

    Raises InvalidSetting for a UNet whose blocks are not known.
    """

    def __init__(self, unet: Any, interval: int, steps: int, layers: int = LAYERS):
        kinds = {type(block).__name__ for block in (*unet.down_blocks, *unet.up_blocks)}
        cause = f"{FIELD} is {interval}, and this decoder's UNet has blocks that are not known."
        require(isinstance(unet, UNet2DConditionModel) and kinds <= BLOCKS, cause, "Leave it out.", FIELD)
        super().__init__()
        self.features = Features()
        self._whole, self._outer = _views(unet, layers, self.features)
        self._interval, self._steps, self._calls = interval, steps, 0

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """Run the UNet, all of it or only its outer layers."""
        call, self._calls = self._calls, self._calls + 1
        self.features.call = call
        is_whole = call == 0 or (self._steps - 2 - call) % self._interval == 0
        return (self._whole if is_whole else self._outer)(*inputs, **named)


class Kept(nn.Module):
    """An up block that keeps its input as the deep features."""

    def __init__(self, block: Any, features: Features):
        super().__init__()
        self.block, self.resnets, self._features = block, block.resnets, features
        self.has_cross_attention = getattr(block, "has_cross_attention", False)

    def forward(self, hidden_states: Tensor, **named: Any) -> Tensor:
        """Run the block."""
        self._features.keep(hidden_states)
        return self.block(hidden_states, **named)


def kept_bytes(unet: Any, latents: Tensor) -> int:
    """Return the bytes of the features that are kept for these latents."""
    channels = unet.up_blocks[-1].resnets[-LAYERS].in_channels - unet.conv_in.out_channels
    return RUNS * channels * latents.nbytes // latents.shape[1]


def _views(unet: Any, layers: int, features: Features) -> tuple[nn.Module, nn.Module]:
    """Return the whole UNet, which keeps the features, and its outer layers, which take them."""
    deep, outer = _cut(unet.up_blocks, layers)
    whole = _view(unet, up_blocks=nn.ModuleList([*deep, Kept(outer[0], features), *outer[1:]]))
    down_blocks = _first(unet.down_blocks, layers - 1)  # the first skip connection is the input convolution's
    return whole, _view(unet, down_blocks=down_blocks, mid_block=features, up_blocks=nn.ModuleList(outer))


def _cut(up_blocks: Any, layers: int) -> tuple[list[nn.Module], list[nn.Module]]:
    """Return the blocks before and from the `layers`-th last residual layer. A block may be cut in two."""
    deep: list[Any] = list(up_blocks)
    outer: list[Any] = []
    while layers > 0:
        block = deep.pop()
        count = len(block.resnets)
        if count > layers:
            deep.append(_part(block, slice(None, count - layers), upsamplers=None))
            block = _part(block, slice(count - layers, None))
        outer.insert(0, block)
        layers -= count
    return deep, outer


def _first(down_blocks: Any, outputs: int) -> nn.ModuleList:
    """Return the blocks up to their `outputs`-th output: of a residual layer, or of a downsampler."""
    found: list[nn.Module] = []
    for block in down_blocks:
        if outputs <= 0:
            break
        count = len(block.resnets)
        found.append(block if outputs > count else _part(block, slice(outputs), downsamplers=None))
        outputs -= count + 1
    return nn.ModuleList(found)


def _part(block: Any, rows: slice, **parts: nn.Module | None) -> Any:
    """Return a view of a block with some of its residual layers, and their attentions."""
    lists = {name: getattr(block, name)[rows] for name in ("resnets", "attentions") if hasattr(block, name)}
    return _view(block, **lists, **parts)


def _view(module: Any, **parts: nn.Module | None) -> Any:
    """Return a module with other parts, that shares everything else."""
    view = copy.copy(module)
    view._modules = {**module._modules, **parts}
    return view
