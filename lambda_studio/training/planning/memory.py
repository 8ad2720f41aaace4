"""The memory that fine-tuning takes, counted on the meta device: nothing is computed or allocated."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map_only
from torch.utils.checkpoint import checkpoint

from lambda_studio.config import FinetuneConfig
from lambda_studio.models.adapters.lora.attaching import add_lora
from lambda_studio.models.adapters.lora.shape import lora_shape
from lambda_studio.models.decoders.protocol import Blueprint
from lambda_studio.models.memory.live_bytes import LiveBytes, weight_bytes
from lambda_studio.training.objectives.losses import decoder_loss
from lambda_studio.training.optimisation.trial import states_of

HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}
IN_HALF = (F.linear, F.conv2d, F.scaled_dot_product_attention, torch.matmul, torch.bmm, torch.baddbmm)
IN_FULL = (F.group_norm, F.layer_norm, F.softmax, F.mse_loss)
"""The operations that autocast runs in half and in full precision, of those that a UNet has."""


def training_bytes(blueprint: Blueprint, config: FinetuneConfig) -> int:
    """Return the bytes that fine-tuning takes: weights, gradients, the optimiser's states, and what a step holds.

    Kernels' own buffers are not counted: on an H100 and an H200, peaks were 1 to 4 % higher than this
    (`benchmarks/results/full-size-h100.json` and `full-size-h200.json`).

    Args:
        blueprint: a UNet on the meta device, in the format of its frozen weights. It is changed.
    """
    unet = blueprint.unet
    trained = _prepared(unet, config)
    passes = min(config.gradient_accumulation_steps, 2)  # gradients of the first are there during the second
    with LiveBytes([*unet.parameters(), *unet.buffers()]) as counted, _AsOnAGpu(HALF.get(config.mixed_precision)):
        for _ in range(passes):
            _step(blueprint, config.batch_size)
    sizes = [each.numel() for each in trained]
    average = 4 * sum(sizes) if config.ema_decay else 0
    return weight_bytes(unet) + counted.peak + states_of(config.optimizer).held(sizes) + average


def _prepared(unet: Any, config: FinetuneConfig) -> list[nn.Parameter]:
    """Make a UNet what the training makes it, and return the trained weights."""
    unet.train().requires_grad_(config.method == "full")
    if config.method == "lora":
        with torch.device("meta"):
            add_lora(unet, lora_shape(config))
    if config.gradient_checkpointing:
        unet.enable_gradient_checkpointing(partial(_computed_twice, HALF.get(config.mixed_precision)))
    trained = [parameter for parameter in unet.parameters() if parameter.requires_grad]
    for parameter in trained:
        parameter.data = parameter.data.float()
    return trained


def _step(blueprint: Blueprint, batch_size: int) -> None:
    """Run Eq. 2 forward and backward. Noise is not added, because there are no values."""
    unet: Any = blueprint.unet
    latents = torch.empty(batch_size, unet.config.in_channels, blueprint.side, blueprint.side, device="meta")
    timesteps = torch.empty(batch_size, device="meta", dtype=torch.int64)
    inputs = tree_map_only(Tensor, lambda one: one.expand(batch_size, *one.shape[1:]).clone(), blueprint.inputs)
    predicted = unet(latents.to(unet.dtype), timesteps, return_dict=False, **inputs)[0]
    decoder_loss(predicted, latents).backward()


def _computed_twice(half: torch.dtype | None, block: Callable[..., Any], *inputs: Any) -> Any:
    """Run a block as gradient checkpointing does. The mode below does not reach into a backward pass by itself."""

    def run(*values: Any) -> Any:
        with _AsOnAGpu(half):
            return block(*values)

    return checkpoint(run, *inputs, use_reentrant=False)


class _AsOnAGpu(TorchFunctionMode):
    """Run attention as a fused kernel does, without its matrix, and operations in the formats that autocast gives them.

    PyTorch's own autocast leaves tensors on the meta device as they are.
    """

    def __init__(self, half: torch.dtype | None):
        super().__init__()
        self.half = half

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run one function."""
        kwargs = dict(kwargs or {})
        if self.half and func in (*IN_HALF, *IN_FULL):
            args, kwargs = _in_format((args, kwargs), self.half if func in IN_HALF else torch.float32)
        if func is F.scaled_dot_product_attention:
            return _FusedAttention.apply(*args[:3])
        return func(*args, **kwargs)


def _in_format(values: Any, dtype: torch.dtype) -> Any:
    return tree_map_only(Tensor, lambda value: value.to(dtype) if value.is_floating_point() else value, values)


class _FusedAttention(torch.autograd.Function):
    """Attention that keeps its inputs, its output and one number for each row."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Return a tensor in the place of the output."""
        output, rows = torch.empty_like(query), query.new_empty(query.shape[:-1], dtype=torch.float32)
        ctx.save_for_backward(query, key, value, output, rows)
        return output

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> tuple[Tensor, ...]:
        """Return tensors in the place of the gradients."""
        return tuple(torch.empty_like(each) for each in ctx.saved_tensors[:3])
