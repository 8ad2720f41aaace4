"""Adapters of other libraries come in, and ours go out as folders that diffusers loads."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from concepts.durable import make_folder
from concepts.records import AdapterRecord, ConceptRecord
from concepts.registry import Registry
from lambda_studio.errors import ModelFilesMissing
from lambda_studio.models.adapters.adapter import save_tensors_by_hash
from lambda_studio.models.adapters.information import AdapterInfo
from lambda_studio.models.exchange.diffusers_folder import write_folder
from lambda_studio.models.exchange.foreign_lora import ForeignLora, find_lora, read_lora
from lambda_studio.models.files.tensors import same_tensors
from lambda_studio.models.files.weights import tensor_shapes
from lambda_studio.workflows.answers.adapters import ExportedAdapter
from lambda_studio.workflows.base_weights import unet_file, with_size
from lambda_studio.workflows.home import adapter_file, adapters_folder, why_missing
from lambda_studio.workflows.workplace import Workplace


def import_lora(place: Workplace, path: Path, knows: Sequence[str]) -> AdapterRecord:
    """Register a LoRA of peft or diffusers as an adapter of the stack in use, which knows these concepts."""
    place.require_editor()
    concepts = place.get_concepts(knows) if knows else []
    file = find_lora(path)
    base = place.stack.fingerprints()["decoder"]
    lora = read_lora(file, tensor_shapes(unet_file(place)))
    settings: dict[str, Any] = {
        "method": "lora",
        "rank": lora.rank,
        "base_fingerprint": base,
        "imported": lora.file_name,
    }
    sha = _save(place, lora, concepts, settings)
    settings = with_size(place, sha, settings)
    name, versions, library = place.spec.name, [concept.version_id for concept in concepts], place.library
    _tell_same(place, sha, lora.rank)

    def register(registry: Registry) -> AdapterRecord:
        return registry.add_adapter(library, sha, f"{sha}.safetensors", "lora", name, settings, versions)

    return place.database.write(register)


def export_adapter(place: Workplace, adapter: AdapterRecord, folder: Path, layout: str) -> ExportedAdapter:
    """Write an adapter into a new folder that diffusers or peft loads."""
    file = adapter_file(place.home, adapter)
    if not file.is_file():
        raise ModelFilesMissing(*why_missing(place.home, adapter, place.database.path is None))
    load = write_folder(file, unet_file(place).parent / "config.json", folder, layout)
    return ExportedAdapter(adapter.id, folder, layout, load)


def _tell_same(place: Workplace, sha: str, rank: int) -> None:
    """Say which adapter of the library has the weights of an imported one."""
    library = place.library
    with place.database.reading() as registry:
        others = [each for each in registry.adapters(library) if each.stack == place.spec.name]
    for each in others:
        if each.sha256 == sha:
            place.notify(f"Adapter {each.id} is the same, and is the newest one again.")
            return
    imported = adapters_folder(place.home) / f"{sha}.safetensors"
    for each in others:
        file = adapter_file(place.home, each)
        if _may_equal(each, rank) and file.is_file() and same_tensors(imported, file):
            place.notify(f"Its weights are those of adapter {each.id}.")
            return


def _may_equal(adapter: AdapterRecord, rank: int) -> bool:
    """Return whether the adapter is a LoRA of this rank whose scale is 1, as that of every imported one."""
    settings = adapter.settings
    scaled = settings.get("use_rslora") or settings.get("lora_alpha") not in (None, rank)
    return adapter.method == "lora" and settings.get("rank") == rank and not scaled


def _save(place: Workplace, lora: ForeignLora, concepts: Sequence[ConceptRecord], settings: dict[str, Any]) -> str:
    """Write the adapter's file, and return its SHA-256."""
    seen = [
        {"name": each.name, "library": each.library, "version": each.version, "manifest": each.manifest}
        for each in concepts
    ]
    info = AdapterInfo(
        method="lora",
        rank=lora.rank,
        stack=place.spec.name,
        base_fingerprint=settings["base_fingerprint"],
        concepts=tuple(seen),
        settings=settings,
        use_dora=lora.use_dora,
        targets=lora.targets,
    )
    make_folder(adapters_folder(place.home))
    return save_tensors_by_hash(lora.tensors, info, adapters_folder(place.home))
