"""Write an adapter as a folder that diffusers or peft loads by its path."""

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor

from concepts.durable import require_room, staged_folder
from lambda_studio.config import require
from lambda_studio.errors import OutputExists
from lambda_studio.models.adapters.information import AdapterInfo, read_adapter_info, read_header
from lambda_studio.models.adapters.lora.shape import EVERY_TARGET, is_named
from lambda_studio.models.exchange.foreign_lora import (
    DIFFUSERS_METADATA,
    DIFFUSERS_WEIGHTS,
    PEFT_CONFIG,
    PEFT_WEIGHTS,
)
from lambda_studio.models.files.tensors import header_bytes, slots_of, write_tensors

PREFIX = "transformer"
"""The prefix that `load_lora_adapter` of diffusers expects by default, also for a UNet."""
PEFT_PREFIX = "base_model.model"
"""The prefix that peft writes before the names of a network's modules."""
UNET_WEIGHTS = "diffusion_pytorch_model.safetensors"


def write_folder(adapter: Path, unet_config: Path, folder: Path, layout: str = "diffusers") -> str:
    """Write an adapter into a new folder, and return the line of Python that loads it.

    For diffusers, a LoRA becomes pytorch_lora_weights.safetensors, and a full UNet becomes config.json and its weights.
    For peft, a LoRA becomes adapter_config.json and adapter_model.safetensors. Names of concepts and settings of the
    run are left out.

    Args:
        unet_config: the config.json of the UNet that was tuned.
        layout: "diffusers" or "peft".

    Raises:
        InvalidSetting: peft has no form for a full UNet.
        OutputExists: there is something at `folder`.
        ModelFilesMissing, ModelFilesInvalid: the adapter's file is missing or damaged.
    """
    info = read_adapter_info(adapter)
    require(
        layout == "diffusers" or info.method == "lora",
        f"The adapter is a full UNet, and {layout} loads LoRAs.",
        "Write it for diffusers, or make a LoRA of it: studio adapters extract ID",
        "format",
    )
    if os.path.lexists(folder):
        raise OutputExists(f"{folder} is there already.", "Give the name of a new folder.")
    require_room(folder.parent, adapter.stat().st_size, f"The folder for {layout}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with staged_folder(folder) as staged:
        if info.method == "full":
            shutil.copyfile(unet_config, staged / "config.json")
            _copy_tensors(adapter, info, staged / UNET_WEIGHTS)
        elif layout == "peft":
            _write_for_peft(adapter, info, staged)
        else:
            _write_for_diffusers(adapter, info, staged / DIFFUSERS_WEIGHTS)
    return loading(info.method, layout, folder)


def loading(method: str, layout: str, folder: Path) -> str:
    """Return the line of Python that loads a folder."""
    if method == "full":
        return f'unet = UNet2DConditionModel.from_pretrained("{folder}")'
    if layout == "peft":
        return f'unet = PeftModel.from_pretrained(unet, "{folder}")'
    return f'pipeline.unet.load_lora_adapter("{folder}", use_safetensors=True)'  # else it looks for a .bin


def _write_for_diffusers(adapter: Path, info: AdapterInfo, path: Path) -> None:
    tensors = load_file(adapter)
    named = {f"{PREFIX}.{key}": value for key, value in lora_config(info, tensors).items()}
    metadata = {DIFFUSERS_METADATA: json.dumps(named, sort_keys=True), **info.modelspec(info.title)}
    _write(path, {f"{PREFIX}.{key}": tensor for key, tensor in tensors.items()}, metadata)


def _write_for_peft(adapter: Path, info: AdapterInfo, folder: Path) -> None:
    tensors = load_file(adapter)
    config = {"peft_type": "LORA", "bias": "none", "inference_mode": True, **lora_config(info, tensors)}
    (folder / PEFT_CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True))
    named = {f"{PEFT_PREFIX}.{key}": tensor for key, tensor in tensors.items()}
    _write(folder / PEFT_WEIGHTS, named, {"format": "pt", **info.modelspec(info.title)})


def _write(path: Path, tensors: dict[str, Tensor], metadata: Mapping[str, str]) -> None:
    write_tensors(path, slots_of(tensors), metadata, tensors.__getitem__)


def lora_config(info: AdapterInfo, tensors: Iterable[str]) -> dict[str, Any]:
    """Return what peft has to know of a LoRA with these tensors, by the names of its LoraConfig."""
    config = {"r": info.rank, "lora_dropout": 0.0, "target_modules": _targets(tensors)}
    config |= {"lora_alpha": info.rank if info.lora_alpha is None else info.lora_alpha}
    return config | {"use_dora": info.use_dora, "use_rslora": info.use_rslora}


def _targets(tensors: Iterable[str]) -> list[str]:
    """Return the ends of the names of the modules that these tensors change."""
    modules = {key.partition(".lora_")[0] for key in tensors}
    return [target for target in sorted(EVERY_TARGET) if any(is_named(module, target) for module in modules)]


def _copy_tensors(source: Path, info: AdapterInfo, path: Path) -> None:
    """Copy a safetensors file with another metadata, without holding its tensors in memory."""
    metadata = dict(sorted({"format": "pt", **info.modelspec(info.title)}.items()))
    header: dict[str, Any] = {**read_header(source), "__metadata__": metadata}
    with source.open("rb") as read, path.open("wb") as write:
        read.seek(8 + int.from_bytes(read.read(8), "little"))
        write.write(header_bytes(header))
        shutil.copyfileobj(read, write, 2**20)
