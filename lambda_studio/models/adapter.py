"""Save and apply adapters: LoRA updates of a UNet, or a full UNet, in one safetensors file.

Applying an adapter replaces the tensors that it changes; removing it restores the old ones. The UNet runs at its usual
speed, takes no more of a GPU's memory, and is bit-identical after the removal.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from concepts.durable import file_sha256, publish, staged_file, unfinished
from lambda_studio.errors import ModelFilesInvalid
from lambda_studio.models.adapter_info import METADATA_KEY, AdapterInfo, invalid, read_adapter_info
from lambda_studio.models.decoders.protocol import Decoder
from lambda_studio.models.lora.attaching import load_lora, lora_tensors
from lambda_studio.models.lora.shape import is_target, lora_scale
from lambda_studio.models.lora.updates import updates_of
from lambda_studio.models.saving import saving, tensor_bytes

FLOAT_DTYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float64)


def adapter_tensors(unet: nn.Module, method: str) -> dict[str, Tensor]:
    """Return the tensors of a trained UNet that an adapter's file contains."""
    if method == "full":
        return {key: value.detach().cpu().contiguous() for key, value in unet.state_dict().items()}
    return lora_tensors(unet)


def save_adapter(unet: nn.Module, info: AdapterInfo, path: Path) -> str:
    """Write the trained tensors and `info` to `path` atomically, and return the file's SHA-256.

    Raises:
        ModelFilesInvalid: A weight is NaN or infinite.
        CheckpointFailed: The disk is full or the write fails.
    """
    tensors = _finite_tensors(unet, info, path)
    with saving("The adapter", path.parent, tensor_bytes(tensors)), staged_file(path, replace=True) as staged:
        return _write(tensors, info, staged)


def save_adapter_by_hash(unet: nn.Module, info: AdapterInfo, folder: Path) -> str:
    """Write as `save_adapter` does, to SHA-256.safetensors in `folder`, and return the SHA-256."""
    return save_tensors_by_hash(_finite_tensors(unet, info, folder / "adapter.safetensors"), info, folder)


def save_tensors_by_hash(tensors: dict[str, Tensor], info: AdapterInfo, folder: Path) -> str:
    """Write finite tensors and `info` to SHA-256.safetensors in `folder`, and return the SHA-256."""
    path = folder / "adapter.safetensors"
    with saving("The adapter", folder, tensor_bytes(tensors)), unfinished(path) as staged:
        sha = _write(tensors, info, staged)
        publish(staged, folder / f"{sha}.safetensors", replace=True)
        return sha


def _finite_tensors(unet: nn.Module, info: AdapterInfo, path: Path) -> dict[str, Tensor]:
    tensors = adapter_tensors(unet, info.method)
    refuse_nonfinite(tensors, path)
    return tensors


def _write(tensors: dict[str, Tensor], info: AdapterInfo, path: Path) -> str:
    try:
        save_file(tensors, path, metadata={METADATA_KEY: info.to_json()})
    except SafetensorError as error:  # safetensors wraps the disk's error
        raise OSError(str(error).splitlines()[0]) from error
    path.chmod(0o644)
    return file_sha256(path)


def load_trained(unet: nn.Module, path: Path) -> None:
    """Give a UNet that is to be trained on the values of an adapter: of the LoRA that add_lora added, or all weights.

    Raises ModelFilesMissing and ModelFilesInvalid: as `apply_adapter`, or the adapter has another shape.
    """
    info = read_adapter_info(path)
    tensors = _finite_file(path)
    if info.method == "full":
        parameters = dict(unet.named_parameters())
        for name, value in _full_weights(parameters, tensors, info, path):
            parameters[name].data = value
        return
    try:
        load_lora(unet, tensors)
    except ValueError as error:
        raise invalid(path, str(error)) from error


def apply_adapter(unet: nn.Module, path: Path, expect_fingerprint: str | None = None) -> Callable[[], None]:
    """Apply an adapter to a UNet, and return a function that removes the adapter, bit for bit.

    `expect_fingerprint` is the UNet's own; None skips this check. After an error the UNet is unchanged.

    Raises:
        ModelFilesMissing: There is no such file.
        ModelFilesInvalid: The adapter has another base, wrong shapes, NaN or infinite values, or a hostile header.
    """
    info = require_base(path, expect_fingerprint)
    tensors = _finite_file(path)
    originals = dict(unet.named_parameters())
    changed = _full_weights if info.method == "full" else _merged_weights
    return _exchange(originals, changed(originals, tensors, info, path), path)


def require_base(path: Path, fingerprint: str | None) -> AdapterInfo:
    """Return an adapter's metadata. None is any UNet.

    Raises ModelFilesMissing, and ModelFilesInvalid for an adapter of a UNet with another fingerprint.
    """
    info = read_adapter_info(path)
    if fingerprint is not None and info.base_fingerprint != fingerprint:
        raise ModelFilesInvalid(
            f"{path.name} was made for another decoder: stack {info.stack!r}, UNet {info.base_fingerprint[:12]}, "
            f"but this UNet is {fingerprint[:12]}.",
            f"Use it with stack={info.stack}, or fine-tune again on this stack.",
        )
    return info


def _finite_file(path: Path) -> dict[str, Tensor]:
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise invalid(path, str(error).splitlines()[0]) from error
    refuse_nonfinite(tensors, path)
    return tensors


@contextmanager
def adapted(decoder: Decoder, path: Path | None) -> Iterator[Decoder]:
    """Apply an adapter to a decoder while the block runs. None is no adapter."""
    undo = apply_adapter(decoder.unet, path, decoder.fingerprints.get("unet")) if path else lambda: None
    try:
        yield decoder
    finally:
        undo()


def _merged_weights(
    originals: Mapping[str, Tensor], tensors: Mapping[str, Tensor], info: AdapterInfo, path: Path
) -> Iterator[tuple[str, Tensor]]:
    """Iterate over the names of the tuned weights, with each one's sum with its low-rank update."""
    scale = lora_scale(info.rank, info.lora_alpha, info.use_rslora)
    for module, update in updates_of(tensors, info.use_dora, path).items():
        weight = originals.get(f"{module}.weight")
        if weight is None or not is_target(module):
            raise invalid(path, f"this UNet has no layer {module[:80]} that a LoRA may change")
        if not update.fits(tuple(weight.shape), info.rank):
            shapes = f"{list(update.down.shape)} and {list(update.up.shape)}"
            raise invalid(path, f"the update of {module[:80]} has the shapes {shapes}")
        yield f"{module}.weight", update.added_to(weight, scale)


def _full_weights(
    originals: Mapping[str, Tensor], tensors: Mapping[str, Tensor], info: AdapterInfo, path: Path
) -> Iterator[tuple[str, Tensor]]:
    """Iterate over the names and new values of all of the UNet's parameters."""
    wrong = originals.keys() ^ tensors.keys() or {
        key for key, weight in originals.items() if weight.shape != tensors[key].shape
    }
    if wrong:
        raise invalid(path, f"{len(wrong)} of its tensors do not fit this UNet, such as {min(wrong)[:80]}")
    for key, weight in originals.items():
        yield key, tensors[key].to(weight.device, weight.dtype)


def _exchange(parameters: Mapping[str, Tensor], values: Iterable[tuple[str, Tensor]], path: Path) -> Callable[[], None]:
    """Set parameters to new values one by one, and return a function that restores the original tensors.

    After an error the original tensors are restored.
    """
    before: dict[str, Tensor] = {}

    def restore() -> None:
        for key, tensor in before.items():
            parameters[key].data = tensor.to(parameters[key].device)

    try:
        for key, value in values:
            refuse_nonfinite({key: value}, path)  # finite values can overflow in their sum or in the model's precision
            before[key] = set_aside(parameters[key].data)
            parameters[key].data = value
    except BaseException:  # also Ctrl-C: other Studios share the UNet
        restore()
        raise
    return restore


def set_aside(tensor: Tensor) -> Tensor:
    """Return a tensor in the CPU's memory, so that a GPU does not hold two UNets while an adapter is applied."""
    return tensor.cpu()


def refuse_nonfinite(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Raise ModelFilesInvalid for a tensor that is not floating-point, or that has NaN or infinite values."""
    for key, tensor in tensors.items():
        if tensor.dtype not in FLOAT_DTYPES:
            raise invalid(path, f"{key[:80]} is {tensor.dtype}")
        if not torch.isfinite(tensor).all():
            raise invalid(path, f"{key[:80]} has NaN or infinite values")
