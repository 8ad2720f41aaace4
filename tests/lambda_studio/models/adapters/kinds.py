"""Adapters of every kind for the tiny UNet, and what a UNet is with them."""

from collections.abc import Mapping
from pathlib import Path

import torch

from lambda_studio.models.adapters.adapter import save_adapter
from lambda_studio.models.adapters.information import AdapterInfo
from lambda_studio.models.adapters.lora.attaching import add_lora, lora_parameters
from lambda_studio.models.adapters.lora.shape import LoraShape
from lambda_studio.models.decoders.kandinsky import load_decoder
from tests.lambda_studio.models.adapters.lora.shapes import metadata

KINDS = {
    "lora": LoraShape(4),
    "scaled lora": LoraShape(3, lora_alpha=6.0, targets="attention-and-convolutions"),
    "dora": LoraShape(2, use_dora=True, targets="image"),
    "wide dora": LoraShape(2, 1.0, 0.0, True, True, "attention-and-convolutions"),
    "full": None,
}


def write_kind(decoder_folder: Path, kind: str, path: Path, seed: int = 0) -> Path:
    """Write an adapter of a kind whose updates are not zero."""
    decoder, shape = load_decoder(decoder_folder), KINDS[kind]
    unet, generator = decoder.unet, torch.Generator().manual_seed(seed)
    if shape:
        add_lora(unet, shape)
    with torch.no_grad():
        for parameter in lora_parameters(unet) if shape else unet.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    method, said = ("lora", metadata(shape)) if shape else ("full", {})
    rank, concepts = shape.rank if shape else 16, ({"name": f"rex{seed}", "manifest": f"{seed:02}" * 32},)
    info = AdapterInfo(method, rank, "tiny", decoder.fingerprints["unet"], concepts, {"steps": 3}, **said)
    save_adapter(unet, info, path)
    return path


def weights(unet: torch.nn.Module) -> dict[str, torch.Tensor]:
    """A copy of every weight."""
    return {name: weight.detach().clone() for name, weight in unet.named_parameters()}


def are_bits(unet: torch.nn.Module, before: Mapping[str, torch.Tensor]) -> bool:
    """Whether every weight is what it was, bit for bit."""
    return all(
        weight.view(torch.uint8).equal(before[name].view(torch.uint8)) for name, weight in unet.named_parameters()
    )
