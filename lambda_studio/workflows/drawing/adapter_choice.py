"""Choose the adapter for a prompt."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from concepts.names import name_key
from concepts.records import AdapterRecord, ConceptRecord
from lambda_studio.errors import ModelFilesInvalid, ModelFilesMissing
from lambda_studio.workflows.home import adapter_file, why_missing
from lambda_studio.workflows.workplace import Workplace


@dataclass(frozen=True)
class Choice:
    """An adapter and its file, or none, with notices for the user. `stale`: it was trained on other versions."""

    adapter: AdapterRecord | None
    notices: tuple[str, ...] = ()
    stale: bool = False
    path: Path | None = None


def choose_adapter(place: Workplace, wanted: str | int, concepts: Sequence[ConceptRecord]) -> Choice:
    """Return the adapter for a prompt with these concepts. `wanted` is "auto", "none", a number or the start of a hash.

    Raises:
        AdapterNotFound, ModelFilesMissing, ModelFilesInvalid.
    """
    if wanted == "none":
        return Choice(None)
    library, name, base = place.library, place.stack.spec.name, place.stack.fingerprints()["decoder"]
    with place.database.reading() as registry:
        if wanted == "auto":
            choice = newest_adapter(registry.adapters(library), concepts, name, base)
        else:
            choice = checked_adapter(registry.get_adapter(library, wanted), concepts, name)
    if choice.adapter is None:
        return choice
    path = adapter_file(place.home, choice.adapter)
    if not path.is_file():
        raise ModelFilesMissing(*why_missing(place.home, choice.adapter, place.database.path is None))
    return replace(choice, path=path)


def newest_adapter(
    adapters: Sequence[AdapterRecord], concepts: Sequence[ConceptRecord], stack: str, base_fingerprint: str
) -> Choice:
    """Return the newest adapter of this stack that knows every concept, or none.

    An adapter for the current versions wins over a stale one, which comes with a notice. `adapters` are newest first.
    """
    if not concepts:
        return Choice(None)
    of_stack = [adapter for adapter in adapters if adapter.stack == stack]
    fitting = [adapter for adapter in of_stack if adapter.settings.get("base_fingerprint") == base_fingerprint]
    knowing = [adapter for adapter in fitting if _knows_names(adapter, concepts)]
    exact = [adapter for adapter in knowing if adapter.knows([concept.manifest for concept in concepts])]
    if exact:
        return Choice(exact[0])
    if knowing:
        return Choice(knowing[0], (stale_notice(knowing[0], concepts),), stale=True)
    if len(fitting) < len(of_stack) and any(_knows_names(adapter, concepts) for adapter in of_stack):
        return Choice(None, (f"The adapters of {stack} were trained for other weights. Drawing without an adapter.",))
    if fitting:
        names = " ".join(concept.name for concept in concepts)
        return Choice(
            None, (f"No adapter knows all of: {names}. Drawing without an adapter. Train one: studio finetune {names}",)
        )
    return Choice(None)


def checked_adapter(adapter: AdapterRecord, concepts: Sequence[ConceptRecord], stack: str) -> Choice:
    """Return the user's adapter, with a notice if it does not fit. Raises ModelFilesInvalid if its stack differs."""
    if adapter.stack != stack:
        cause = f"Adapter {adapter.id} was trained for the stack {adapter.stack}, but this stack is {stack}."
        raise ModelFilesInvalid(cause, f"Give stack={adapter.stack}, or adapter=auto.")
    manifests = {seen.manifest for seen in adapter.concepts}
    if all(concept.manifest in manifests for concept in concepts):
        return Choice(adapter)
    if _knows_names(adapter, concepts):
        return Choice(adapter, (stale_notice(adapter, concepts),), stale=True)
    unseen = ", ".join(concept.name for concept in concepts if not _knows_names(adapter, [concept]))
    return Choice(adapter, (f"Adapter {adapter.id} was not trained on: {unseen}.",))


def stale_notice(adapter: AdapterRecord, concepts: Sequence[ConceptRecord]) -> str:
    """Return the notice for an adapter that was trained on another version of a concept."""
    manifests = {seen.manifest for seen in adapter.concepts}
    changed = ", ".join(concept.name for concept in concepts if concept.manifest not in manifests)
    return f"Adapter {adapter.id} is stale: it was trained on another version of {changed}. It is used nevertheless."


def _knows_names(adapter: AdapterRecord, concepts: Sequence[ConceptRecord]) -> bool:
    seen = {name_key(each.name) for each in adapter.concepts if not each.removed}
    manifests = {each.manifest for each in adapter.concepts}
    return all(concept.manifest in manifests or name_key(concept.name) in seen for concept in concepts)
