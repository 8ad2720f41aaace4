"""Read an adapter's metadata from the file header alone, as untrusted input."""

import json
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from lambda_studio.errors import ModelFilesInvalid, ModelFilesMissing
from lambda_studio.formats import FORMAT, UPDATE, format_of, parse_json, too_new

METADATA_KEY = "lambda_studio"
"""Our key in the file's metadata. Beside it are keys that every tool can read: `AdapterInfo.metadata`."""
ADAPTER_FORMAT = 2
"""Format 2 is a LoRA with another shape than format 1 could have: see `AdapterInfo.format`."""
MAX_HEADER_BYTES = 4 * 2**20
MAX_TENSORS = 20_000
ANOTHER_FILE = "Use another adapter, or fine-tune again."


@dataclass(frozen=True)
class AdapterInfo:
    """The metadata of an adapter: its kind, its base and its training data.

    A new field needs a default, because older files do not have it. A changed meaning needs the next ADAPTER_FORMAT.
    """

    method: str
    """`lora` or `full`."""
    rank: int
    """LoRA's rank."""
    stack: str
    """The stack whose decoder was tuned."""
    base_fingerprint: str
    """The fingerprint of that decoder's UNet (Decoder.fingerprints["unet"])."""
    concepts: tuple[dict[str, Any], ...]
    """The name, library, version and manifest of each concept."""
    settings: dict[str, Any]
    """The settings of the run."""
    lora_alpha: float | None = None
    """The numerator of LoRA's scale, as in peft. None is the rank."""
    use_dora: bool = False
    """Whether each update has a magnitude (DoRA)."""
    use_rslora: bool = False
    """Whether the scale is alpha / sqrt(rank), not alpha / rank."""
    targets: str = "attention"
    """The layers that a LoRA changes: a setting of fine-tuning, or `any` for an imported LoRA of other layers."""

    @property
    def format(self) -> int:
        """The lowest format with these fields. Versions that know only format 1 ignore the shape of a LoRA."""
        scaled = self.lora_alpha is not None or self.use_rslora
        return 2 if scaled or self.use_dora or self.targets != "attention" else 1

    def to_json(self) -> str:
        """Return canonical JSON: equal adapters give equal bytes. Fields at their default are left out."""
        defaults = {field.name: field.default for field in fields(self)}
        said = {name: value for name, value in asdict(self).items() if value != defaults[name]}
        said[FORMAT] = self.format
        return json.dumps(said, sort_keys=True, separators=(",", ":"), allow_nan=False)

    def metadata(self) -> dict[str, str]:
        """Return the file's metadata: ours, and the keys of ModelSpec with the names of the concepts in the title."""
        names = ", ".join(str(concept.get("name")) for concept in self.concepts)
        title = f"{self.title}: {names}" if names else self.title
        return {METADATA_KEY: self.to_json(), **self.modelspec(str(self.settings.get("name") or title))}

    @property
    def title(self) -> str:
        """What it is, without the names of concepts."""
        kind = f"{'DoRA' if self.use_dora else 'LoRA'} of rank {self.rank}" if self.method == "lora" else "UNet"
        return f"{kind} for {self.stack}"

    def modelspec(self, title: str) -> dict[str, str]:
        """Return the keys that SAI ModelSpec 1.0.1 requires.

        Its date is left out: equal adapters give equal bytes, and an adapter's name is the hash of its bytes.
        """
        said = {
            "sai_model_spec": "1.0.1",
            "architecture": f"{self.stack}/lora" if self.method == "lora" else self.stack,
            "implementation": "diffusers",
            "title": title,
        }
        return {f"modelspec.{name}": value for name, value in said.items()}


def read_adapter_info(path: Path) -> AdapterInfo:
    """Return a file's metadata without reading a tensor. Unknown keys are ignored.

    Raises:
        ModelFilesMissing: There is no such file.
        ModelFilesInvalid: The header is invalid, or its format is newer than this version.
    """
    metadata = read_header(path).get("__metadata__")
    if not isinstance(metadata, dict) or METADATA_KEY not in metadata:
        raise invalid(path, "it has no λ-Studio metadata")
    if not all(isinstance(value, str) for value in metadata.values()):
        raise invalid(path, "its metadata is not text")
    said = _parsed(metadata[METADATA_KEY], path)
    if not isinstance(said, dict):
        raise invalid(path, "its metadata is not a table")
    _require_known_format(said, path)
    return _info(said, path)


def invalid(path: Path, why: str) -> ModelFilesInvalid:
    """Return the error for a file that is not a valid adapter."""
    return ModelFilesInvalid(f"{path.name} is not a usable adapter: {why}.", ANOTHER_FILE)


def _require_known_format(said: dict[str, Any], path: Path) -> None:
    try:
        number = format_of(said)
    except ValueError as error:
        raise invalid(path, str(error)) from error
    if number > ADAPTER_FORMAT:
        raise ModelFilesInvalid(too_new(path.name, number, ADAPTER_FORMAT), UPDATE)


def _info(said: dict[str, Any], path: Path) -> AdapterInfo:
    """Build the info from the known fields, each checked against its declared type."""
    hints = get_type_hints(AdapterInfo)
    kinds = {field.name: _kinds(hints[field.name]) for field in fields(AdapterInfo)}
    needed = {field.name for field in fields(AdapterInfo) if field.default is field.default_factory is MISSING}
    if not needed <= said.keys():
        raise invalid(path, "its metadata is incomplete")
    known: dict[str, Any] = {name: value for name, value in said.items() if name in kinds}
    if any(type(value) not in kinds[name] for name, value in known.items()):
        raise invalid(path, "its metadata has the wrong types")
    if known["method"] not in ("lora", "full"):
        raise invalid(path, f"its method is {known['method'][:40]!r}")
    if known["method"] == "lora" and known["rank"] < 1:
        raise invalid(path, f"its rank is {known['rank']}")
    if not all(isinstance(concept, dict) for concept in known["concepts"]):
        raise invalid(path, "its concepts have the wrong types")
    known["concepts"] = tuple(known["concepts"])
    return AdapterInfo(**known)


def _kinds(hint: Any) -> tuple[type, ...]:
    """Return the types that JSON has for a field."""
    hints = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    return tuple(list if get_origin(each) is tuple else get_origin(each) or each for each in hints)


def read_header(path: Path) -> dict[str, Any]:
    """Return the header of a safetensors file, with stricter checks than the usual loader."""
    if not path.is_file():
        raise ModelFilesMissing(f"There is no adapter file {path}.", "List the adapters: studio adapters")
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(MAX_HEADER_BYTES, path.stat().st_size - 8):
            raise invalid(path, f"its header has an invalid length of {length} bytes")
        header = _parsed(file.read(length), path)
    if not isinstance(header, dict) or len(header) > MAX_TENSORS + 1:
        raise invalid(path, f"its header is not a list of at most {MAX_TENSORS} tensors")
    return header


def _parsed(text: str | bytes, path: Path) -> Any:
    try:
        return parse_json(text)
    except ValueError as error:
        raise invalid(path, f"its header cannot be read: {str(error).splitlines()[0][:120]}") from error
