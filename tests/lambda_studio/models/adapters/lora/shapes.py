"""LoRAs of every shape that fine-tuning trains."""

from typing import Any

from lambda_studio.models.adapters.lora.shape import LoraShape

SHAPES = [
    LoraShape(4, lora_alpha=8.0),
    LoraShape(4, use_dora=True),
    LoraShape(4, use_rslora=True),
    LoraShape(4, targets="attention-and-convolutions"),
    LoraShape(4, targets="image"),
    LoraShape(4, 6.0, 0.0, True, True, "attention-and-convolutions"),
]


def metadata(shape: LoraShape) -> dict[str, Any]:
    """What an adapter's file says of its LoRA's shape."""
    names = ("lora_alpha", "use_dora", "use_rslora", "targets")
    return {name: getattr(shape, name) for name in names}
