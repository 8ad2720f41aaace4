"""Choose the adapters for a prompt."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from concepts.names import name_key
from concepts.records import AdapterRecord, ConceptRecord
from lambda_studio.config import ScaledAdapter, require_different
from lambda_studio.errors import ModelFilesInvalid, ModelFilesMissing
from lambda_studio.workflows.cache.left_out import is_left_out
from lambda_studio.workflows.home import adapter_file, why_missing
from lambda_studio.workflows.workplace import Workplace


@dataclass(frozen=True)
class Choice:
    """Adapters, with notices for the user. `stale`: they were trained on other versions."""

    adapters: tuple[AdapterRecord, ...] = ()
    notices: tuple[str, ...] = ()
    stale: bool = False


@dataclass(frozen=True)
class ChosenAdapter:
    """An adapter that draws: its scale and its file."""

    record: AdapterRecord
    scale: float
    path: Path


def choose_adapters(
    place: Workplace, wanted: Sequence[ScaledAdapter], concepts: Sequence[ConceptRecord]
) -> tuple[tuple[ChosenAdapter, ...], Choice]:
    """Return the adapters for a prompt with these concepts, and the choice that says why.

    Raises:
        AdapterNotFound, ModelFilesMissing, ModelFilesInvalid, and InvalidSetting for an adapter that is given twice.
    """
    names = [each.name for each in wanted]
    if names == ["none"]:
        return (), Choice()
    library, stack, base = place.library, place.stack.spec.name, place.stack.fingerprints()["decoder"]
    with place.database.reading() as registry:
        if names == ["auto"]:
            choice = newest_adapter(registry.adapters(library), concepts, stack, base)
            if concepts and not choice.adapters and not choice.notices and wanted[0].scale != 1:
                said = f"There is no adapter of {stack} to scale. Drawing without an adapter. {_train(concepts)}"
                choice = Choice((), (said,))
        else:
            choice = checked_adapters([registry.get_adapter(library, name) for name in names], concepts, stack)
    chosen = zip(choice.adapters, wanted, strict=False)  # auto may find none
    return tuple(ChosenAdapter(record, each.scale, _file(place, record)) for record, each in chosen), choice


def _file(place: Workplace, adapter: AdapterRecord) -> Path:
    path = adapter_file(place.home, adapter)
    if not path.is_file():
        raise ModelFilesMissing(*why_missing(place.home, adapter, place.database.path is None))
    return path


def newest_adapter(
    adapters: Sequence[AdapterRecord], concepts: Sequence[ConceptRecord], stack: str, base_fingerprint: str
) -> Choice:
    """Return the newest adapter of this stack that knows every concept, or none.

    An adapter for the current versions wins over a stale one, which comes with a notice. `adapters` are newest first.
    """
    if not concepts:
        return Choice()
    of_stack = [adapter for adapter in adapters if adapter.stack == stack]
    fitting = [adapter for adapter in of_stack if adapter.settings.get("base_fingerprint") == base_fingerprint]
    knowing = [adapter for adapter in fitting if _knows_names(adapter, concepts)]
    exact = [adapter for adapter in knowing if adapter.knows([concept.manifest for concept in concepts])]
    if exact:
        return Choice((exact[0],))
    if knowing:
        return Choice((knowing[0],), (stale_notice([knowing[0]], concepts),), stale=True)
    if len(fitting) < len(of_stack) and any(_knows_names(adapter, concepts) for adapter in of_stack):
        return Choice((), (f"The adapters of {stack} were trained for other weights. Drawing without an adapter.",))
    if fitting:
        names = ", ".join(concept.name for concept in concepts)
        return Choice((), (f"No adapter knows all of: {names}. Drawing without an adapter. {_train(concepts)}",))
    return Choice()


def _train(concepts: Sequence[ConceptRecord]) -> str:
    if any(is_left_out(image) for concept in concepts for image in concept.images):
        return "There are no pictures to train one with."
    return f"Train one: studio finetune {shlex.join([concept.name for concept in concepts])}"


def checked_adapters(adapters: Sequence[AdapterRecord], concepts: Sequence[ConceptRecord], stack: str) -> Choice:
    """Return the user's adapters, with a notice for concepts that none of them was trained on.

    Raises:
        ModelFilesInvalid: the stack of one differs.
        InvalidSetting: one is given twice, as its number and as its hash.
    """
    require_different([str(adapter.id) for adapter in adapters])
    for adapter in adapters:
        if adapter.stack != stack:
            cause = f"Adapter {adapter.id} was trained for the stack {adapter.stack}, but this stack is {stack}."
            raise ModelFilesInvalid(cause, f"Give stack={adapter.stack}, or adapter=auto.")
    unseen = [concept for concept in concepts if not any(_knows_names(adapter, [concept]) for adapter in adapters)]
    if unseen:
        names = ", ".join(concept.name for concept in unseen)
        return Choice(tuple(adapters), (f"{_named(adapters, 'was', 'were')} not trained on: {names}.",))
    manifests = {seen.manifest for adapter in adapters for seen in adapter.concepts}
    stale = any(concept.manifest not in manifests for concept in concepts)
    return Choice(tuple(adapters), (stale_notice(adapters, concepts),) if stale else (), stale)


def stale_notice(adapters: Sequence[AdapterRecord], concepts: Sequence[ConceptRecord]) -> str:
    """Return the notice for adapters that were trained on another version of a concept."""
    manifests = {seen.manifest for adapter in adapters for seen in adapter.concepts}
    changed = ", ".join(concept.name for concept in concepts if concept.manifest not in manifests)
    many = len(adapters) > 1
    return (
        f"{_named(adapters, 'is', 'are')} stale: {'they were' if many else 'it was'} trained on another version of "
        f"{changed}. {'They are' if many else 'It is'} used nevertheless."
    )


def _named(adapters: Sequence[AdapterRecord], one: str, many: str) -> str:
    ids = " and ".join(str(adapter.id) for adapter in adapters)
    return f"Adapters {ids} {many}" if len(adapters) > 1 else f"Adapter {ids} {one}"


def _knows_names(adapter: AdapterRecord, concepts: Sequence[ConceptRecord]) -> bool:
    seen = {name_key(each.name) for each in adapter.concepts if not each.removed}
    manifests = {each.manifest for each in adapter.concepts}
    return all(concept.manifest in manifests or name_key(concept.name) in seen for concept in concepts)
