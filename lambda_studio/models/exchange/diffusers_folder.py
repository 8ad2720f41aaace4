"""Write an adapter as a folder that diffusers loads by its path."""

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save

from concepts.durable import require_room, staged_folder
from lambda_studio.errors import OutputExists
from lambda_studio.models.adapter_info import AdapterInfo, read_adapter_info, read_header
from lambda_studio.models.exchange.foreign_lora import DIFFUSERS_METADATA, DIFFUSERS_WEIGHTS
from lambda_studio.models.lora.shape import EVERY_TARGET, is_named

PREFIX = "transformer"
"""The prefix that `load_lora_adapter` of diffusers expects by default, also for a UNet."""
UNET_WEIGHTS = "diffusion_pytorch_model.safetensors"


def write_folder(adapter: Path, unet_config: Path, folder: Path) -> str:
    """Write an adapter into a new folder, and return the line of Python that loads it.

    A LoRA becomes pytorch_lora_weights.safetensors, a full UNet becomes config.json and its weights. Names of concepts
    and settings of the run are left out.

    Args:
        unet_config: the config.json of the UNet that was tuned.

    Raises:
        OutputExists: there is something at `folder`.
        ModelFilesMissing, ModelFilesInvalid: the adapter's file is missing or damaged.
    """
    info = read_adapter_info(adapter)
    if os.path.lexists(folder):
        raise OutputExists(f"{folder} is there already.", "Give the name of a new folder.")
    require_room(folder.parent, adapter.stat().st_size, "The folder for diffusers")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with staged_folder(folder) as staged:
        if info.method == "lora":
            _write_lora(adapter, info, staged / DIFFUSERS_WEIGHTS)
        else:
            shutil.copyfile(unet_config, staged / "config.json")
            _copy_tensors(adapter, staged / UNET_WEIGHTS)
    if info.method == "lora":
        return f'pipeline.unet.load_lora_adapter("{folder}", use_safetensors=True)'  # else it looks for a .bin
    return f'unet = UNet2DConditionModel.from_pretrained("{folder}")'


def _write_lora(adapter: Path, info: AdapterInfo, path: Path) -> None:
    tensors = load_file(adapter)
    config = {"r": info.rank, "lora_dropout": 0.0, "target_modules": _targets(tensors)}
    config |= {"lora_alpha": info.rank if info.lora_alpha is None else info.lora_alpha}
    config |= {"use_dora": info.use_dora, "use_rslora": info.use_rslora}
    named = json.dumps({f"{PREFIX}.{key}": value for key, value in config.items()}, sort_keys=True)
    tensors = {f"{PREFIX}.{key}": tensor for key, tensor in tensors.items()}
    path.write_bytes(save(tensors, metadata={DIFFUSERS_METADATA: named}))  # unlike save_file, an OSError if it fails


def _targets(tensors: Iterable[str]) -> list[str]:
    """Return the ends of the names of the modules that these tensors change."""
    modules = {key.partition(".lora_")[0] for key in tensors}
    return [target for target in sorted(EVERY_TARGET) if any(is_named(module, target) for module in modules)]


def _copy_tensors(source: Path, path: Path) -> None:
    """Copy a safetensors file with another metadata, without holding its tensors in memory."""
    header: dict[str, Any] = {**read_header(source), "__metadata__": {"format": "pt"}}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # as safetensors aligns the tensors
    with source.open("rb") as read, path.open("wb") as write:
        read.seek(8 + int.from_bytes(read.read(8), "little"))
        write.write(len(text).to_bytes(8, "little") + text)
        shutil.copyfileobj(read, write, 2**20)
