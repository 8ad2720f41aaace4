"""Store imported concepts in one transaction: all or none."""

from collections.abc import Sequence
from dataclasses import replace

from concepts.errors import ConceptExists
from concepts.names import name_key, shown
from concepts.records import ConceptRecord
from concepts.registry import Registry
from lambda_studio.workflows.answers.bundles import ImportedConcept
from lambda_studio.workflows.bundles.incoming import Incoming
from lambda_studio.workflows.bundles.taken import CHOICES
from lambda_studio.workflows.cache.left_out import notes
from lambda_studio.workflows.subjects.photos.shared_pictures import Shared, shared_pictures
from lambda_studio.workflows.workplace import Workplace

ON_CONFLICT = ("fail", "rename", "skip")


def store(place: Workplace, concepts: Sequence[Incoming], on_conflict: str) -> tuple[ImportedConcept, ...]:
    """Write all concepts in one transaction. Raises ConceptExists."""
    library = place.library

    def store_all(registry: Registry) -> tuple[ImportedConcept, ...]:
        if on_conflict == "fail":
            _refuse_conflicts(registry, library, concepts)
        taken = {name_key(name) for name in [*registry.concept_names(library), *(each.name for each in concepts)]}
        stored = []
        with place.progress("Importing", total=len(concepts)) as advance:
            for concept in concepts:
                stored.append(_store_one(registry, library, concept, on_conflict, taken))
                advance(note=concept.name)
        return tuple(stored)

    return place.database.write(store_all)


def _refuse_conflicts(registry: Registry, library: str, concepts: Sequence[Incoming]) -> None:
    """Raise ConceptExists with every name that has different content in the library."""
    names = [concept.name for concept in concepts if _conflicts(registry, library, concept)]
    if names:
        listed = ", ".join(shown(name) for name in names)
        cause = f"In library {shown(library)} these names have different content: {listed}."
        raise ConceptExists(cause, f"Nothing was imported. {CHOICES}")


def _conflicts(registry: Registry, library: str, concept: Incoming) -> bool:
    present = registry.find_concept(library, concept.name)
    return present is not None and present.manifest != concept.manifest and not _renews(registry, present, concept)


def _renews(registry: Registry, present: ConceptRecord, concept: Incoming) -> bool:
    """Return whether both have the same left-out pictures, and the stored embedding has no proof of its origin.

    Then the import is the remedy of `doctor`, not a conflict.
    """
    if not concept.left_out or present.noun != concept.noun or len(present.images) != 1:
        return False
    held = notes(registry, present.images)
    return any(note.stands_for == concept.left_out and not note.proven for note in held.values())


def _store_one(
    registry: Registry, library: str, concept: Incoming, on_conflict: str, taken: set[str]
) -> ImportedConcept:
    name, state = concept.name, "added"
    if _conflicts(registry, library, concept):
        if on_conflict == "skip":
            return ImportedConcept(name, concept.noun, "skipped", name, concept.notes)
        earlier = _renamed_before(registry, library, concept, taken)
        name, state = earlier or _free_name(name, taken), "renamed"
    present = registry.find_concept(library, name)
    if present is not None and present.manifest != concept.manifest:
        state, result = "renewed", registry.revise_concept(library, name, concept.noun, concept.images())
    else:
        result = registry.add_concept(library, name, concept.noun, concept.images())
    state = state if result.created else "there already"
    to_encode = result.created and not concept.left_out
    shared = shared_pictures(registry, result.concept) if result.created else Shared()
    notes = (*concept.notes, *concept.told(result.concept, shared.copy_of is None), *shared.warnings)
    imported = ImportedConcept(result.concept.name, concept.noun, state, concept.name, notes, to_encode)
    return replace(imported, looked_at=concept.looked_at, doubtful=concept.doubtful) if result.created else imported


def _renamed_before(registry: Registry, library: str, concept: Incoming, taken: set[str]) -> str | None:
    """Return the name that an earlier import gave this content, NAME-2 or another number, or None."""
    begin = name_key(f"{concept.name}-")
    numbers = (key.removeprefix(begin) for key in taken if key.startswith(begin))
    for number in sorted(int(each) for each in numbers if each.isascii() and each.isdecimal()):
        present = registry.find_concept(library, f"{concept.name}-{number}")
        if present is not None and present.manifest == concept.manifest:
            return present.name
    return None


def _free_name(name: str, taken: set[str]) -> str:
    """Return the name with the first free number, and add it to `taken`."""
    number = 2
    while name_key(f"{name}-{number}") in taken:
        number += 1
    taken.add(name_key(f"{name}-{number}"))
    return f"{name}-{number}"
