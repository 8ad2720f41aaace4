"""Which adapter draws a prompt."""

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
    """An adapter and its file, or none; what a person should know about it; whether it saw other versions."""

    adapter: AdapterRecord | None
    notices: tuple[str, ...] = ()
    stale: bool = False
    path: Path | None = None


def choose_adapter(place: Workplace, wanted: str | int, concepts: Sequence[ConceptRecord]) -> Choice:
    """What `--adapter` means for a prompt that names these concepts: "auto", "none", a number, or how a hash begins.

    Raises AdapterNotFound, ModelFilesMissing, ModelFilesInvalid.
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
    """The newest adapter of this stack that knows every concept. One that saw all as they are now goes before a stale
    one; a stale one is used, and said to be stale. `adapters` are newest first.
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
        return Choice(None, (f"The adapters of {stack} were made for other weights: drawing without one.",))
    if fitting:
        names = " ".join(concept.name for concept in concepts)
        return Choice(
            None, (f"No adapter knows all of: {names}. Drawing without one; make one: studio finetune {names}",)
        )
    return Choice(None)


def checked_adapter(adapter: AdapterRecord, concepts: Sequence[ConceptRecord], stack: str) -> Choice:
    """An adapter that a person chose. Raises ModelFilesInvalid for one of another stack."""
    if adapter.stack != stack:
        cause = f"Adapter {adapter.id} was made for the stack {adapter.stack}, and this is {stack}."
        raise ModelFilesInvalid(cause, f"Give --stack {adapter.stack}, or --adapter auto.")
    manifests = {seen.manifest for seen in adapter.concepts}
    if all(concept.manifest in manifests for concept in concepts):
        return Choice(adapter)
    if _knows_names(adapter, concepts):
        return Choice(adapter, (stale_notice(adapter, concepts),), stale=True)
    unseen = ", ".join(concept.name for concept in concepts if not _knows_names(adapter, [concept]))
    return Choice(adapter, (f"Adapter {adapter.id} never saw: {unseen}.",))


def stale_notice(adapter: AdapterRecord, concepts: Sequence[ConceptRecord]) -> str:
    """What to say of an adapter that saw other pictures of a concept than there are now."""
    manifests = {seen.manifest for seen in adapter.concepts}
    changed = ", ".join(concept.name for concept in concepts if concept.manifest not in manifests)
    return f"Adapter {adapter.id} is stale: it saw another version of {changed}. It is used all the same."


def _knows_names(adapter: AdapterRecord, concepts: Sequence[ConceptRecord]) -> bool:
    seen = {name_key(each.name) for each in adapter.concepts if not each.removed}
    manifests = {each.manifest for each in adapter.concepts}
    return all(concept.manifest in manifests or name_key(concept.name) in seen for concept in concepts)
