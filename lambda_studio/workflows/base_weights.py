"""The UNet that a stack's adapters change: its files, and the size of an update beside its weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lambda_studio.errors import ModelFilesInvalid, ModelFilesMissing, ModelFilesNotFetched
from lambda_studio.models.adapters.adapter import require_base
from lambda_studio.models.adapters.information import read_adapter_info
from lambda_studio.models.adapters.lora.sizes import update_size
from lambda_studio.models.adapters.weights import open_weights
from lambda_studio.models.decoders.families import get_family
from lambda_studio.models.files.tensors import StoredTensors
from lambda_studio.models.stacks.files import StackFiles
from lambda_studio.workflows.home import adapters_folder
from lambda_studio.workflows.workplace import Workplace


def unet_file(place: Workplace) -> Path:
    """Return the weights of the stack's UNet, or their index. Its config.json is beside them.

    Raises ModelFilesMissing and ModelFilesInvalid.
    """
    return get_family(place.spec.family).find(StackFiles(place.spec).decoder_source, ("unet",))["unet"]


def relative_size(place: Workplace, adapter: Path) -> float:
    """Return the norm of an adapter's update divided by the norm of the weights that it changes.

    Raises ModelFilesMissing and ModelFilesInvalid.
    """
    return _relative_size(unet_file(place), adapter)


def find_relative_size(place: Workplace, adapter: Path) -> float | None:
    """Return as `relative_size`, or None without a usable file of the adapter or the UNet. Nothing is downloaded."""
    files = StackFiles(place.spec, _refuse)
    try:
        require_base(adapter, files.fingerprints()["decoder"])
        return _relative_size(files.decoder()["unet"], adapter)
    except (ModelFilesInvalid, ModelFilesMissing):
        return None


def with_size(place: Workplace, sha: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of the adapter with this hash, and the size of its update among them."""
    return {**settings, "update_size": relative_size(place, adapters_folder(place.home) / f"{sha}.safetensors")}


def _relative_size(unet: Path, adapter: Path) -> float:
    base = StoredTensors(unet)
    weights = open_weights(adapter, read_adapter_info(adapter), base.shapes)
    return update_size((base[name], weights.update(name, base[name])) for name in weights.names).relative


def _refuse() -> None:
    raise ModelFilesNotFetched("It is not on this machine.", "Fetch it: studio models fetch")
