"""Try the operations of the models on Apple's GPU: whether one can be used depends on PyTorch and macOS."""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

CLOSE = 1e-2
"""The largest difference to the CPU's values, as a share of the largest of them."""


@lru_cache
def fault_of(device: torch.device) -> str | None:
    """Return why a device cannot run the models and their training, or None if it can."""
    try:
        here, there = (_operations(torch.device(name)) for name in ("cpu", device))
    except Exception as error:  # what an operation raises on a device that lacks it differs between versions
        return str(error).partition("\n")[0][:200].rstrip(".")
    wrong = [name for name, value in here.items() if not _is_close(value, there[name])]
    return f"it computes {' and '.join(wrong)} wrongly" if wrong else None


def _operations(device: torch.device) -> dict[str, Tensor]:
    """Return the results of the UNet's, MoVQ's and CLIP's kinds of operations, and a gradient. All are float32."""
    generator = torch.Generator().manual_seed(0)
    picture, kernel = (torch.randn(shape, generator=generator) for shape in ((1, 8, 8, 8), (8, 8, 3, 3)))
    kernel = kernel.to(device).requires_grad_()
    features = F.group_norm(F.silu(F.conv2d(picture.to(device), kernel, padding=1) / 8), 4)
    rows = F.layer_norm(features.flatten(2).transpose(1, 2)[:, None], (8,))
    attended = F.scaled_dot_product_attention(rows, rows, rows)
    larger = F.interpolate(features, scale_factor=2.0, mode="nearest")
    counted = (torch.tensor([[3, 1, 3]]).to(device) == 3).cumsum(1).float()
    (attended.pow(3).sum() + larger.pow(3).sum()).backward()  # norms would take the gradient of squares away
    assert kernel.grad is not None
    found = {"attention": attended, "enlarging": larger, "sums": counted, "gradients": kernel.grad}
    return {name: value.detach().to("cpu") for name, value in found.items()}


def _is_close(value: Tensor, other: Tensor) -> bool:
    return bool((value - other).abs().max() <= CLOSE * value.abs().max())
