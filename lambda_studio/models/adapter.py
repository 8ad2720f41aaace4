"""What fine-tuning made: low-rank updates of a UNet's attention, or a whole UNet, in one safetensors file.

An adapter goes in by exchanging the tensors it changes and comes out by putting the old ones back, so the UNet runs at
its usual speed and is afterwards what it was, bit for bit.
"""

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lambda_studio.errors import CheckpointFailed, ModelFilesInvalid, ModelFilesMissing
from lambda_studio.models.decoders.kandinsky import Decoder
from lambda_studio.room import require_room

LORA_TARGETS = ("to_q", "to_k", "to_v", "to_out.0", "add_k_proj", "add_v_proj")
"""Every projection of the UNet's attention, with the added key and value that read the image embedding."""
LORA_NAME = "lambda_studio"
LORA_KEY = re.compile(r"(?P<module>.+)\.lora_(?P<side>[AB])\.weight")
METADATA_KEY = "lambda_studio"
MAX_HEADER_BYTES = 4 * 2**20
MAX_TENSORS = 20_000
ANOTHER_FILE = "Use another adapter, or fine-tune again."
FLOAT_DTYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float64)


@dataclass(frozen=True)
class AdapterInfo:
    """What an adapter is, what it was made for and what it saw."""

    method: str
    """`lora` or `full`."""
    rank: int
    """LoRA's rank; its scale is 1 (alpha equals the rank)."""
    stack: str
    """The stack whose decoder was tuned."""
    base_fingerprint: str
    """That decoder's UNet (Decoder.fingerprints["unet"])."""
    concepts: tuple[dict[str, Any], ...]
    """Of each concept: name, library, version, manifest."""
    settings: dict[str, Any]
    """The settings of the run."""

    def to_json(self) -> str:
        """Canonical JSON: the same adapter is the same bytes."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), allow_nan=False)


def add_lora(unet: UNet2DConditionModel, rank: int, seed: int = 0) -> None:
    """Put trainable low-rank updates, which change nothing yet, on every attention projection; freeze the rest."""
    from peft import LoraConfig

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        unet.add_adapter(LoraConfig(r=rank, lora_alpha=rank, target_modules=list(LORA_TARGETS)), LORA_NAME)
    for parameter in lora_parameters(unet):
        parameter.data = parameter.data.float()  # AdamW's steps vanish in half precision


def lora_parameters(unet: nn.Module) -> list[nn.Parameter]:
    """The parameters that add_lora added, in the model's order."""
    return [parameter for name, parameter in unet.named_parameters() if f".{LORA_NAME}." in name]


def remove_lora(unet: UNet2DConditionModel) -> None:
    """Take off what add_lora added; the UNet is what it was, bit for bit."""
    unet.unload_lora()


def adapter_tensors(unet: nn.Module, method: str) -> dict[str, Tensor]:
    """What an adapter's file holds of a trained UNet."""
    if method == "full":
        return {key: value.detach().cpu().contiguous() for key, value in unet.state_dict().items()}
    from peft import get_peft_model_state_dict

    updates = get_peft_model_state_dict(unet, adapter_name=LORA_NAME)
    return {key: value.detach().float().cpu().contiguous() for key, value in updates.items()}


def save_adapter(unet: nn.Module, info: AdapterInfo, path: Path) -> str:
    """Write what training changed, and `info`, to `path`, so that the file is there whole or not at all.

    Gives the file's SHA-256. Raises ModelFilesInvalid for weights that are not numbers, CheckpointFailed where there
    is no room, or the disk refuses.
    """
    tensors = adapter_tensors(unet, info.method)
    _refuse_nonfinite(tensors, path)
    require_room(path.parent, tensors.values(), "The adapter")
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".adapter-", suffix=".tmp")
    os.close(descriptor)
    staged = Path(name)
    try:
        save_file(tensors, staged, metadata={METADATA_KEY: info.to_json()})
        staged.chmod(0o644)
        with staged.open("rb+") as file:
            os.fsync(file.fileno())
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        staged.replace(path)
    except SafetensorError as error:  # its own words for what the disk said
        staged.unlink(missing_ok=True)
        cause = f"The adapter could not be written to {path.parent}: {str(error).splitlines()[0]}."
        raise CheckpointFailed(
            cause, "The run's last checkpoint is whole: make room, and go on with --resume."
        ) from error
    except BaseException:  # an interrupt too must not leave half a file behind
        staged.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)
    return digest


def read_adapter_info(path: Path) -> AdapterInfo:
    """What a file says it is, from its header alone; no tensor is read.

    Raises ModelFilesMissing and ModelFilesInvalid.
    """
    header = _read_header(path)
    metadata = header.get("__metadata__")
    if not isinstance(metadata, dict) or set(metadata) != {METADATA_KEY}:
        raise _invalid(path, "it does not say what it was made for")
    said = _parse_json(metadata[METADATA_KEY], path)
    if not isinstance(said, dict) or set(said) != {field.name for field in fields(AdapterInfo)}:
        raise _invalid(path, "what it says of itself is incomplete")
    kinds = {"method": str, "rank": int, "stack": str, "base_fingerprint": str, "concepts": list, "settings": dict}
    if not all(isinstance(said[name], kind) for name, kind in kinds.items()) or said["method"] not in ("lora", "full"):
        raise _invalid(path, "what it says of itself has the wrong types")
    if not all(isinstance(concept, dict) for concept in said["concepts"]):
        raise _invalid(path, "what it says of its concepts has the wrong types")
    return AdapterInfo(**{**said, "concepts": tuple(said["concepts"])})


def apply_adapter(unet: nn.Module, path: Path, expect_fingerprint: str | None = None) -> Callable[[], None]:
    """Put an adapter into a UNet; calling what this gives takes it out again, bit for bit.

    `expect_fingerprint` is the UNet's own; None asks no questions. Raises ModelFilesMissing, and ModelFilesInvalid
    for another base, wrong shapes, values that are not numbers, or a hostile header; the UNet is then as it was.
    """
    info = read_adapter_info(path)
    if expect_fingerprint is not None and info.base_fingerprint != expect_fingerprint:
        raise ModelFilesInvalid(
            f"{path.name} was made for another decoder: stack {info.stack!r}, UNet {info.base_fingerprint[:12]}, "
            f"and this one is {expect_fingerprint[:12]}.",
            f"Use it with --stack {info.stack}, or fine-tune again on this stack.",
        )
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise _invalid(path, str(error).splitlines()[0]) from error
    _refuse_nonfinite(tensors, path)
    originals = dict(unet.named_parameters())
    changed = _full_weights if info.method == "full" else _merged_weights
    values = changed(originals, tensors, info, path)
    _refuse_nonfinite(values, path)  # numbers may have no sum, or none in the model's precision
    return _exchange(originals, values)


@contextmanager
def adapted(decoder: Decoder, path: Path | None) -> Iterator[Decoder]:
    """A decoder with an adapter in it, for as long as the block runs. None is no adapter."""
    undo = apply_adapter(decoder.unet, path, decoder.fingerprints.get("unet")) if path else lambda: None
    try:
        yield decoder
    finally:
        undo()


@torch.no_grad()
def _merged_weights(
    originals: Mapping[str, Tensor], tensors: Mapping[str, Tensor], info: AdapterInfo, path: Path
) -> dict[str, Tensor]:
    """Each tuned projection plus its low-rank update."""
    merged = {}
    for module, (down, up) in _lora_pairs(tensors, path).items():
        weight = originals.get(f"{module}.weight")
        if weight is None or not module.endswith(LORA_TARGETS):
            raise _invalid(path, f"this UNet has no attention projection {module}")
        if (down.shape, up.shape) != ((info.rank, weight.shape[1]), (weight.shape[0], info.rank)):
            raise _invalid(path, f"the update of {module} has the shapes {list(down.shape)} and {list(up.shape)}")
        merged[f"{module}.weight"] = _low_rank_sum(weight, down, up)
    return merged


def _low_rank_sum(
    weight: Float[Tensor, "out in"], down: Float[Tensor, "rank in"], up: Float[Tensor, "out rank"]
) -> Float[Tensor, "out in"]:
    update = up.to(weight.device, torch.float32) @ down.to(weight.device, torch.float32)
    return (weight.float() + update).to(weight.dtype)


def _lora_pairs(tensors: Mapping[str, Tensor], path: Path) -> dict[str, tuple[Tensor, Tensor]]:
    sides: dict[str, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        matched = LORA_KEY.fullmatch(key)
        if matched is None:
            raise _invalid(path, f"it holds {key[:80]!r}, which is no low-rank update")
        sides.setdefault(matched["module"], {})[matched["side"]] = tensor
    incomplete = [module for module, pair in sides.items() if len(pair) != 2]
    if incomplete or not sides:
        raise _invalid(path, f"the update of {incomplete[0]} is half there" if sides else "it holds nothing")
    return {module: (pair["A"], pair["B"]) for module, pair in sides.items()}


def _full_weights(
    originals: Mapping[str, Tensor], tensors: Mapping[str, Tensor], info: AdapterInfo, path: Path
) -> dict[str, Tensor]:
    """All of the UNet's parameters."""
    wrong = originals.keys() ^ tensors.keys() or {
        key for key, weight in originals.items() if weight.shape != tensors[key].shape
    }
    if wrong:
        raise _invalid(path, f"{len(wrong)} of its tensors do not fit this UNet, such as {min(wrong)[:80]}")
    return {key: tensors[key].to(weight.device, weight.dtype) for key, weight in originals.items()}


def _exchange(parameters: Mapping[str, Tensor], values: Mapping[str, Tensor]) -> Callable[[], None]:
    """Give parameters new values; what this gives puts the very tensors back that were there."""
    before = {key: parameters[key].data for key in values}

    def set_all(tensors: Mapping[str, Tensor]) -> None:
        for key, tensor in tensors.items():
            parameters[key].data = tensor

    set_all(values)
    return lambda: set_all(before)


def _read_header(path: Path) -> dict[str, Any]:
    """The header of a safetensors file, which the usual loader trusts too much."""
    if not path.is_file():
        raise ModelFilesMissing(f"There is no adapter file {path}.", "See which there are: studio adapters")
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(MAX_HEADER_BYTES, path.stat().st_size - 8):
            raise _invalid(path, f"its header says it has {length} bytes")
        header = _parse_json(file.read(length), path)
    if not isinstance(header, dict) or len(header) > MAX_TENSORS + 1:
        raise _invalid(path, f"its header is no list of at most {MAX_TENSORS} tensors")
    return header


def _parse_json(text: Any, path: Path) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise ValueError("a key comes twice")
        return dict(pairs)

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is no number")

    try:
        return json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
    except (ValueError, TypeError, RecursionError) as error:
        raise _invalid(path, f"its header cannot be read: {str(error).splitlines()[0][:120]}") from error


def _refuse_nonfinite(tensors: Mapping[str, Tensor], path: Path) -> None:
    for key, tensor in tensors.items():
        if tensor.dtype not in FLOAT_DTYPES:
            raise _invalid(path, f"{key[:80]} is {tensor.dtype}")
        if not torch.isfinite(tensor).all():
            raise _invalid(path, f"{key[:80]} has values that are not numbers")


def _invalid(path: Path, why: str) -> ModelFilesInvalid:
    return ModelFilesInvalid(f"{path.name} is no adapter that can be used: {why}.", ANOTHER_FILE)


def _sync_folder(folder: Path) -> None:
    if not hasattr(os, "O_DIRECTORY"):  # Windows opens no folders
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
