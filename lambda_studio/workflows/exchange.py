"""Adapters of other libraries come in, and ours go out as folders that diffusers loads."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from concepts.durable import make_folder
from concepts.names import name_key
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


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What is given beside a LoRA that is imported."""

    knows: Sequence[str] = ()
    """The names of concepts that it was trained on."""
    name: str | None = None
    """A name for the adapter."""
    duplicate: bool = False
    """Add it even if the library has an adapter with its weights."""


def import_lora(place: Workplace, path: Path, wishes: Wishes) -> tuple[AdapterRecord, bool]:
    """Register a LoRA of peft or diffusers as an adapter of the stack in use. Return it, and whether it is new.

    If an adapter of the library has the same weights and knows the concepts, that adapter is returned.
    """
    place.require_editor()
    concepts = place.get_concepts(wishes.knows) if wishes.knows else []
    library, stack = place.library, place.spec.name
    if wishes.name is not None:
        name = wishes.name
        with place.database.reading() as registry:
            wishes = replace(wishes, name=registry.require_adapter_name(library, name))
    file = find_lora(path)
    base = place.stack.fingerprints()["decoder"]
    lora = read_lora(file, tensor_shapes(unet_file(place)))
    same = _with_same_weights(place, lora, concepts)
    if same and _knows(same, concepts) and not wishes.duplicate:
        ways = f"To name it: studio adapters rename {same.id} {wishes.name or 'NAME'}. To add a second one: --duplicate"
        place.notify(f"Its weights are those of adapter {same.id}, so it is not added. {ways}")
        return same, False
    settings: dict[str, Any] = {
        "method": "lora",
        "rank": lora.rank,
        "base_fingerprint": base,
        "imported": lora.file_name,
    }
    if wishes.name:
        settings["name"] = wishes.name
    sha = _save(place, lora, concepts, settings)
    settings = with_size(place, sha, settings)
    if same:
        is_same = f"Adapter {same.id} is the same, and is the newest one again."
        place.notify(is_same if same.sha256 == sha else f"Its weights are those of adapter {same.id}.")

    def register(registry: Registry) -> tuple[AdapterRecord, bool]:
        if wishes.name:
            registry.require_adapter_name(library, wishes.name)
        versions = [concept.version_id for concept in concepts]
        is_new = not registry.adapter_numbers(library, [sha])
        added = registry.add_adapter(library, sha, f"{sha}.safetensors", "lora", stack, settings, versions)
        return added, is_new

    return place.database.write(register)


def export_adapter(place: Workplace, adapter: AdapterRecord, folder: Path, layout: str) -> ExportedAdapter:
    """Write an adapter into a new folder that diffusers or peft loads."""
    file = adapter_file(place.home, adapter)
    if not file.is_file():
        raise ModelFilesMissing(*why_missing(place.home, adapter, place.database.path is None))
    load = write_folder(file, unet_file(place).parent / "config.json", folder, layout)
    return ExportedAdapter(adapter.id, folder, layout, load)


def _with_same_weights(place: Workplace, lora: ForeignLora, concepts: Sequence[ConceptRecord]) -> AdapterRecord | None:
    """Return the newest adapter of the library with a LoRA's weights, first one that knows the concepts, or None."""
    library = place.library
    with place.database.reading() as registry:
        adapters = [each for each in registry.adapters(library) if each.stack == place.spec.name]
    same = [each for each in adapters if _may_equal(each, lora.rank) and _is_file_of(place, each, lora)]
    return next((each for each in same if _knows(each, concepts)), same[0] if same else None)


def _is_file_of(place: Workplace, adapter: AdapterRecord, lora: ForeignLora) -> bool:
    file = adapter_file(place.home, adapter)
    return file.is_file() and same_tensors(lora.tensors, file)


def _knows(adapter: AdapterRecord, concepts: Sequence[ConceptRecord]) -> bool:
    """Return whether an adapter was trained on these versions of concepts."""
    known = {(name_key(seen.name), seen.manifest) for seen in adapter.concepts}
    return all((name_key(each.name), each.manifest) in known for each in concepts)


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
