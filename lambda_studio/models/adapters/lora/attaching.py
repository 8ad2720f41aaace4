"""Put a trainable LoRA on a UNet with peft, and take it off."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from lambda_studio.models.adapters.lora.shape import TARGETS, LoraShape
from lambda_studio.models.pool import BUILDING

LORA_NAME = "lambda_studio"


def add_lora(unet: Any, shape: LoraShape, seed: int = 0) -> None:
    """Add trainable LoRA updates with no effect yet to the targeted layers; freeze the rest.

    `unet` is any diffusers network that supports peft adapters.
    """
    from peft import LoraConfig

    config = LoraConfig(
        r=shape.rank,
        lora_alpha=shape.alpha,
        lora_dropout=shape.lora_dropout,
        use_dora=shape.use_dora,
        use_rslora=shape.use_rslora,
        target_modules=list(TARGETS[shape.targets]),
    )
    with BUILDING, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        unet.add_adapter(config, LORA_NAME)
    for parameter in lora_parameters(unet):
        parameter.data = parameter.data.float()  # AdamW's steps vanish in half precision


def load_lora(unet: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Give the updates that add_lora added the values of another training: `tensors` by peft's names.

    Raises ValueError if they are not the tensors of a LoRA of this shape.
    """
    from peft import set_peft_model_state_dict

    present = {name: tuple(value.shape) for name, value in lora_tensors(unet).items()}
    wrong = {name for name, value in tensors.items() if present.get(name) != tuple(value.shape)}
    wrong |= present.keys() - tensors.keys()
    if wrong:
        raise ValueError(f"{len(wrong)} of its updates do not fit, such as {min(wrong)[:80]}")
    set_peft_model_state_dict(unet, dict(tensors), adapter_name=LORA_NAME)


def lora_parameters(unet: nn.Module) -> list[nn.Parameter]:
    """Return the parameters that add_lora added, in the model's order."""
    return [parameter for name, parameter in unet.named_parameters() if f".{LORA_NAME}." in name]


def lora_layers(unet: nn.Module) -> list[Any]:
    """Return the layers that add_lora changed."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    return [module for module in unet.modules() if isinstance(module, BaseTunerLayer)]


@contextmanager
def without_updates(layers: Sequence[Any]) -> Iterator[None]:
    """Let the layers of `lora_layers` be as they were before. peft's own switch would also freeze their updates."""
    for layer in layers:
        layer._disable_adapters = True
    try:
        yield
    finally:
        for layer in layers:
            layer._disable_adapters = False


def lora_tensors(unet: nn.Module) -> dict[str, Tensor]:
    """Return the LoRA's tensors by peft's names, float32 on the CPU."""
    from peft import get_peft_model_state_dict

    updates = get_peft_model_state_dict(unet, adapter_name=LORA_NAME)
    return {key: value.detach().float().cpu().contiguous() for key, value in updates.items()}


def remove_lora(unet: Any) -> None:
    """Remove the updates that add_lora added; the UNet is bit-identical to before."""
    unet.unload_lora()
