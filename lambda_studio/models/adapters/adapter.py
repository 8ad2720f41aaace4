"""Save and apply adapters: LoRA updates of a UNet, or a full UNet, in one safetensors file.

Applying an adapter replaces the tensors that it changes; removing it restores the old ones. The UNet runs at its usual
speed, takes no more of a GPU's memory, and is bit-identical after the removal.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from concepts.durable import file_sha256, publish, staged_file, unfinished
from lambda_studio.errors import ModelFilesInvalid
from lambda_studio.models.adapters.information import AdapterInfo, invalid, read_adapter_info
from lambda_studio.models.adapters.lora.attaching import load_lora, lora_tensors
from lambda_studio.models.adapters.weights import AdapterWeights, finite_file, open_weights, refuse_nonfinite, summed
from lambda_studio.models.decoders.protocol import Decoder
from lambda_studio.models.files.saving import saving, tensor_bytes
from lambda_studio.models.files.tensors import slots_of, write_tensors


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
    write_tensors(path, slots_of(tensors), info.metadata(), tensors.__getitem__)
    path.chmod(0o644)
    return file_sha256(path)


def load_trained(unet: nn.Module, path: Path) -> None:
    """Give a UNet that is to be trained on the values of an adapter: of the LoRA that add_lora added, or all weights.

    Raises ModelFilesMissing and ModelFilesInvalid: as `apply_adapter`, or the adapter has another shape.
    """
    info = read_adapter_info(path)
    if info.method == "full":
        parameters = dict(unet.named_parameters())
        weights = open_weights(path, info, _shapes(parameters))
        for name, parameter in parameters.items():
            parameter.data = weights.updated(name, parameter).to(parameter.dtype)
        return
    try:
        load_lora(unet, finite_file(path))
    except ValueError as error:
        raise invalid(path, str(error)) from error


@dataclass(frozen=True)
class ScaledFile:
    """An adapter's file, and the factor of its update. A factor of 0 changes nothing."""

    path: Path
    scale: float = 1.0


def apply_adapter(unet: nn.Module, path: Path, expect_fingerprint: str | None = None) -> Callable[[], None]:
    """Apply one adapter as it is, as `apply_adapters`."""
    return apply_adapters(unet, [ScaledFile(path)], expect_fingerprint)


def apply_adapters(
    unet: nn.Module, adapters: Sequence[ScaledFile], expect_fingerprint: str | None = None
) -> Callable[[], None]:
    """Add the scaled updates of adapters to a UNet, and return a function that removes them, bit for bit.

    An update is what the adapter changes in the UNet's own weights: up @ down for LoRA, the difference of the weights
    for DoRA and for a full UNet. So the order of the adapters does not matter, and a scale of 0 leaves the UNet as it
    is.

    Args:
        expect_fingerprint: the UNet's own. None skips this check.

    Raises:
        ModelFilesMissing: There is no such file.
        ModelFilesInvalid: An adapter has another base, wrong shapes, NaN or infinite values, or a hostile header. The
            UNet is then unchanged.
    """
    parameters = dict(unet.named_parameters())
    shapes = _shapes(parameters)
    opened = [
        (open_weights(each.path, require_base(each.path, expect_fingerprint), shapes), each.scale) for each in adapters
    ]
    return _exchange(parameters, _sums(parameters, [each for each in opened if each[1]]))


def _shapes(parameters: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(parameter.shape) for name, parameter in parameters.items()}


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


@contextmanager
def adapted(decoder: Decoder, adapters: Path | Sequence[ScaledFile] | None) -> Iterator[Decoder]:
    """Apply an adapter, or several, to a decoder while the block runs. None is no adapter."""
    files = [ScaledFile(adapters)] if isinstance(adapters, Path) else adapters or ()
    undo = apply_adapters(decoder.unet, files, decoder.fingerprints.get("unet"))
    try:
        yield decoder
    finally:
        undo()


def _sums(
    parameters: Mapping[str, Tensor], adapters: Sequence[tuple[AdapterWeights, float]]
) -> Iterator[tuple[str, Tensor, Path]]:
    """Iterate over the weights that adapters change: the name, the new value, and the file of the last adapter."""
    for name in dict.fromkeys(name for weights, _ in adapters for name in weights.names):
        changing = [(weights, scale) for weights, scale in adapters if name in weights.names]
        weight = parameters[name].data
        yield name, summed(changing, name, weight).to(weight.dtype), changing[-1][0].path


def _exchange(parameters: Mapping[str, Tensor], values: Iterable[tuple[str, Tensor, Path]]) -> Callable[[], None]:
    """Set parameters to new values one by one, and return a function that restores the original tensors.

    After an error the original tensors are restored.
    """
    before: dict[str, Tensor] = {}

    def restore() -> None:
        for key, tensor in before.items():
            parameters[key].data = tensor.to(parameters[key].device)

    try:
        for key, value, path in values:
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
