"""Read a LoRA that peft or diffusers wrote, as untrusted input, and give it the form of ours: scale 1, one rank."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from lambda_studio.errors import ModelFilesInvalid, ModelFilesMissing
from lambda_studio.formats import parse_json
from lambda_studio.models.adapters.information import invalid, read_header
from lambda_studio.models.adapters.lora.shape import is_target, targets_of
from lambda_studio.models.adapters.lora.updates import LowRankUpdate
from lambda_studio.models.adapters.weights import refuse_nonfinite
from lambda_studio.models.exchange.scales import Scales, read_scales, scales_of
from lambda_studio.models.files.locating import read_json

PEFT_WEIGHTS, PEFT_CONFIG = "adapter_model.safetensors", "adapter_config.json"
DIFFUSERS_WEIGHTS, DIFFUSERS_METADATA = "pytorch_lora_weights.safetensors", "lora_adapter_metadata"
BINARIES = ("adapter_model.bin", "pytorch_lora_weights.bin")
PREFIXES = ("base_model.model.", "unet.", "transformer.")
"""The prefixes of module names: peft's, and diffusers' for pipelines and for a single network."""
PROCESSOR = re.compile(r"(?P<attention>.+)\.processor\.(?P<projection>\w+?)_lora\.(?P<side>down|up)\.weight")
SIDE = re.compile(
    r"(?P<module>.+?)\.(?:lora_(?P<peft>[AB])(?:\.[\w-]+)?|lora(?:_linear_layer)?[._](?P<old>down|up))\.weight"
)
MAGNITUDE = re.compile(r"(?P<module>.+)\.lora_magnitude_vector(?:\.[\w-]+)?(?:\.weight)?")
PARTS = {"A": "down", "B": "up", "down": "down", "up": "up"}


@dataclass(frozen=True)
class ForeignLora:
    """A LoRA of another library: our tensors by our names, and their common rank."""

    tensors: dict[str, Tensor]
    rank: int
    file_name: str
    use_dora: bool
    targets: str
    """As in `AdapterInfo`."""


def find_lora(path: Path) -> Path:
    """Return a LoRA's safetensors file, from the file or its folder. Raises ModelFilesMissing, ModelFilesInvalid."""
    if path.is_file():
        if path.suffix != ".safetensors":
            raise _binary(path)
        return path
    names = (PEFT_WEIGHTS, DIFFUSERS_WEIGHTS)
    found = next((path / name for name in names if (path / name).is_file()), None)
    others = sorted(path.glob("*.safetensors")) if path.is_dir() else []
    if found or len(others) == 1:
        return found or others[0]
    if binary := next((path / name for name in BINARIES if (path / name).is_file()), None):
        raise _binary(binary)
    raise ModelFilesMissing(
        f"{path} has no {' or '.join(names)}.", "Give the folder that peft or diffusers wrote, or a .safetensors file."
    )


def read_lora(file: Path, shapes: Mapping[str, tuple[int, ...]]) -> ForeignLora:
    """Read a LoRA of a UNet with these shapes of parameters.

    Raises ModelFilesInvalid if the file is not a LoRA of layers that ours may change.
    """
    metadata = read_header(file).get("__metadata__") or {}
    try:
        tensors = load_file(file)
    except (SafetensorError, OSError, ValueError) as error:
        raise invalid(file, str(error).splitlines()[0]) from error
    refuse_nonfinite(tensors, file)
    updates, alphas = _updates(tensors, file)
    scales = _scales(file, metadata, alphas)
    ranks = {module: _rank(module, update, shapes, file) for module, update in updates.items()}
    rank = max(ranks.values())
    ours: dict[str, Tensor] = {}
    for module, update in updates.items():
        ours |= _in_our_form(module, update, scales.of(module, ranks[module]), rank)
    refuse_nonfinite(ours, file)  # finite values can overflow under their scale
    use_dora = any(update.magnitude is not None for update in updates.values())
    if scales.has_magnitudes and not use_dora:
        raise invalid(file, "its use_dora is True, and it has no magnitudes")
    return ForeignLora(ours, rank, file.name, use_dora, targets_of(updates))


def _updates(tensors: Mapping[str, Tensor], file: Path) -> tuple[dict[str, LowRankUpdate], dict[str, float]]:
    """Return each module's update, and each module's alpha where the file names it."""
    parts: dict[str, dict[str, Tensor]] = {}
    alphas: dict[str, float] = {}
    for key, tensor in tensors.items():
        name = _plain(key)
        if name.endswith(".alpha") and tensor.numel() == 1:
            alphas[name.removesuffix(".alpha")] = float(tensor)
            continue
        module, part = _module_and_part(name, key, file)
        parts.setdefault(module, {})[part] = tensor
    needed = {"down", "up", *(part for found in parts.values() for part in found)}  # a magnitude of all or of none
    lacking = [module for module, found in parts.items() if found.keys() != needed]
    if lacking or not parts:
        raise invalid(file, f"the update of {lacking[0][:80]} is incomplete" if parts else "it is empty")
    if unknown := sorted(alphas.keys() - parts.keys()):
        raise invalid(file, f"it has the alpha of {unknown[0][:80]}, which it does not change")
    return {module: LowRankUpdate(**found) for module, found in sorted(parts.items())}, alphas


def _plain(key: str) -> str:
    """Return a key without the prefixes that libraries put before a module's name."""
    prefix = next((each for each in PREFIXES if key.startswith(each)), None)
    return _plain(key.removeprefix(prefix)) if prefix else key


def _module_and_part(name: str, key: str, file: Path) -> tuple[str, str]:
    if old := PROCESSOR.fullmatch(name):
        projection = "to_out.0" if old["projection"] == "to_out" else old["projection"]
        return f"{old['attention']}.{projection}", PARTS[old["side"]]
    if magnitude := MAGNITUDE.fullmatch(name):
        return magnitude["module"], "magnitude"
    found = SIDE.fullmatch(name)
    if found is None:
        raise invalid(file, f"it contains {key[:80]!r}, which is not a low-rank update of the UNet")
    return found["module"], PARTS[found["peft"] or found["old"]]


def _scales(file: Path, metadata: Mapping[str, Any], alphas: Mapping[str, float]) -> Scales:
    config = file.parent / PEFT_CONFIG
    if file.name == PEFT_WEIGHTS and config.is_file():
        return scales_of(read_json(config), file)
    if text := metadata.get(DIFFUSERS_METADATA):
        try:
            said = parse_json(text)
        except (ValueError, TypeError) as error:
            raise invalid(file, f"its metadata cannot be read: {str(error)[:120]}") from error
        return read_scales(said, PREFIXES, file)
    return Scales(alphas=dict(alphas))


def _rank(module: str, update: LowRankUpdate, shapes: Mapping[str, tuple[int, ...]], file: Path) -> int:
    shape = shapes.get(f"{module}.weight")
    if shape is None or not is_target(module):
        raise ModelFilesInvalid(
            f"{file.name} changes {module[:80]}, and the UNet of this stack has no such layer that a LoRA may change.",
            "Import LoRAs of Kandinsky 2.2's UNet, and give the stack that they were trained on.",
        )
    rank = update.down.shape[0] if update.down.dim() else 0
    if not update.fits(shape, rank):
        shown = f"{list(update.down.shape)} and {list(update.up.shape)}"
        raise invalid(file, f"the update of {module[:80]} has the shapes {shown}")
    return rank


def _in_our_form(module: str, update: LowRankUpdate, scale: float, rank: int) -> dict[str, Tensor]:
    """Return the update with its scale, and with as many rows as the largest one of the file. Zeros change nothing."""
    missing = rank - update.down.shape[0]
    inner = (0, 0) * (update.down.dim() - 2)
    tensors = {
        "lora_A.weight": F.pad(update.down.float(), (*inner, 0, 0, 0, missing)),
        "lora_B.weight": F.pad(update.up.float() * scale, (*inner, 0, missing)),
    }
    if update.magnitude is not None:
        tensors["lora_magnitude_vector"] = update.magnitude.float()
    return {f"{module}.{name}": tensor.contiguous() for name, tensor in tensors.items()}


def _binary(path: Path) -> ModelFilesInvalid:
    return ModelFilesInvalid(
        f"{path} is no safetensors file, and other files can run code when they are loaded.",
        "Save it again as safetensors with the library that wrote it.",
    )
