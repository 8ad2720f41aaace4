"""Weight files in the naming of diffusers and transformers: variants, and shards with their index."""

import re
from pathlib import Path

from safetensors import SafetensorError, safe_open

from lambda_studio.errors import ModelFilesInvalid, ModelFilesMissing
from lambda_studio.models.files.locating import fingerprint, read_json
from lambda_studio.models.files.sources import Source

DIFFUSERS, TRANSFORMERS = "diffusion_pytorch_model", "model"
"""The stems of weight files."""
LAST_RESORT = "fp16"
"""The variant that is taken where there is no file without a variant."""
BINARIES = {DIFFUSERS: "diffusion_pytorch_model", TRANSFORMERS: "pytorch_model"}
SHARD_NAME = re.compile(r"[\w.-]+\.safetensors")
INDEX = ".safetensors.index"


def find_weights(source: Source, prefix: str, stem: str = DIFFUSERS) -> Path:
    """Return a part's weights: a safetensors file, or the index of several, which are then fetched too.

    The source's variant is preferred, then the files without a variant, then fp16.

    Args:
        prefix: the part's folder in the source, with its slash, or "".
        stem: the file name before the variant.

    Raises:
        ModelFilesMissing: there are no weights.
        ModelFilesInvalid: there are only .bin weights, or an index is invalid, or a pinned hash differs.
    """
    names = [f"{prefix}{name}" for name in weight_names(stem, source.variant)]
    try:
        weights = source.get(names)
    except ModelFilesMissing as error:
        _refuse_binaries(source, prefix, stem, error)
        raise
    for shard in _shard_names(weights):
        source.get([f"{prefix}{shard}"])
    for path in shards(weights):
        source.require_pinned(f"{prefix}{path.name}", path)
    return weights


def weight_names(stem: str, variant: str | None = None) -> list[str]:
    """Return the names that weights may have, the preferred ones first."""
    variants = dict.fromkeys([variant, None, LAST_RESORT] if variant else [None, LAST_RESORT])
    names: list[str] = []
    for each in variants:
        dot = f".{each}" if each else ""
        names += [f"{stem}{dot}.safetensors", f"{stem}{INDEX}{dot}.json"]
    return names


def shards(weights: Path) -> tuple[Path, ...]:
    """Return the safetensors files of weights: the file itself, or the files that an index names."""
    return tuple(weights.parent / name for name in _shard_names(weights)) or (weights,)


def tensor_shapes(weights: Path) -> dict[str, tuple[int, ...]]:
    """Return the shape of each tensor, from the headers of the files. Raises ModelFilesInvalid."""
    found: dict[str, tuple[int, ...]] = {}
    for path in shards(weights):
        try:
            with safe_open(path, framework="pt") as tensors:
                keys = tensors.keys()
                found |= {key: tuple(tensors.get_slice(key).get_shape()) for key in keys}
        except (SafetensorError, OSError) as error:
            why = str(error).splitlines()[0][:200]
            raise ModelFilesInvalid(f"{path} is not safetensors ({why}).", "Fetch the model's files again.") from error
    return found


def variant_of(weights: Path) -> str | None:
    """Return the variant in the name of weights, or None."""
    return weights.name.removesuffix(".safetensors").removesuffix(".json").replace(INDEX, "").partition(".")[2] or None


def _shard_names(weights: Path) -> list[str]:
    """Return the names of the files in an index, sorted; none if `weights` is no index. Raises ModelFilesInvalid."""
    if INDEX not in weights.name:
        return []
    files = read_json(weights).get("weight_map")
    names = (
        sorted(set(files.values())) if isinstance(files, dict) and all(_is_name(it) for it in files.values()) else []
    )
    if not names:
        raise ModelFilesInvalid(f"{weights} is not an index of safetensors files.", "Fetch the model's files again.")
    return names


def _is_name(value: object) -> bool:
    return isinstance(value, str) and SHARD_NAME.fullmatch(value) is not None


def _refuse_binaries(source: Source, prefix: str, stem: str, missing: ModelFilesMissing) -> None:
    """Raise ModelFilesInvalid if the part has .bin weights on this machine."""
    names = [f"{prefix}{BINARIES[stem]}{dot}.bin" for dot in (f".{source.variant}", "", ".fp16")]
    if binary := source.find(names):
        raise ModelFilesInvalid(
            f"{binary} can run code when it is loaded, as every .bin file. λ-Studio reads only safetensors.",
            "Fetch the .safetensors of its repository, or convert it: see 'Weights in .bin files' in docs/stacks.md.",
        ) from missing


def model_fingerprint(weights: Path) -> str:
    """Return a SHA-256 of a model's weights and their config.json."""
    return fingerprint(read_json(weights.parent / "config.json"), shards(weights))
