"""Delete a concept for good, with what unfinished runs have learnt of it."""

from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

from concepts.records import ConceptSummary, ForgottenConcept
from concepts.registry import Registry
from lambda_studio.bundles.given import read_note
from lambda_studio.workflows.answers.concepts import Forgotten
from lambda_studio.workflows.home import run_folder
from lambda_studio.workflows.run_files import (
    adapters_without_row,
    delete_checkpoints,
    delete_previews,
    find_info,
    holding,
    in_use,
    require_deleted,
)
from lambda_studio.workflows.workplace import Workplace

TRAINING = "It is being trained on. Wait for the end of that training or stop it with Ctrl-C, then forget again."


def forget(place: Workplace, name: str, concept_id: int | None, agree: Callable[[ConceptSummary], None]) -> Forgotten:
    """Delete a concept, in use or removed, with its unshared content. `agree` raises to stop it.

    Unfinished runs on it fail, and their checkpoints are deleted: without the concept they cannot be resumed.
    The preview pictures of all runs on it are deleted.

    Raises:
        RunInUse: the concept is being trained on. Nothing was deleted.
        FilesLeft: it is forgotten, and checkpoints of its runs could not be deleted.
        ConceptNotFound, ConceptAmbiguous, NotPermitted: as named.
    """
    library, database = place.library, place.database
    with database.reading() as registry:
        found = registry.find_to_forget(library, name, concept_id)
    agree(found)  # outside a transaction, because a user may take time to answer
    with database.reading() as registry:
        known = registry.runs_of_concept(library, found.id)
    unfinished = [run_id for run_id, status in known.items() if status == "running"]

    def delete(registry: Registry) -> ForgottenConcept:
        done = registry.forget_concept(library, name, found.id)
        for started in set(done.failed_runs).difference(unfinished):  # after the locks were taken
            raise in_use(started, TRAINING)
        return done

    with holding(place.home, unfinished, TRAINING):
        done = database.write(delete)
        ended, left = delete_checkpoints(place.home, done.runs)
        left += delete_previews(place.home, done.runs)
    require_deleted(left, f"{done.concept.name} is forgotten")
    return _answer(place, done, ended)


def _answer(place: Workplace, done: ForgottenConcept, runs: tuple[int, ...]) -> Forgotten:
    with place.database.reading() as registry:  # what another concept has too is not forgotten
        gone = {each for each in done.manifests if not registry.find_version(place.library, each, done.concept.name)}
    return Forgotten(
        name=done.concept.name,
        id=done.concept.id,
        adapters=tuple(adapter.id for adapter in done.adapters),
        deleted=tuple(done.deleted.sizes),
        bytes=done.deleted.total,
        kept=done.kept,
        backups=tuple(sorted(place.database.store.backups())),
        runs=runs,
        elsewhere=tuple(run for run in done.failed_runs if not run_folder(place.home, run).exists()),
        files=_files_that_saw(place, gone),
        blends=_blends_of(place, gone),
    )


def _blends_of(place: Workplace, manifests: Collection[str]) -> tuple[str, ...]:
    """Return the blends that these versions are a part of, of every library that the user can see."""
    found = []
    with place.database.reading() as registry:
        for concept_id, data in registry.left_out():
            with suppress(ValueError):  # an image of one pixel that is not a note
                if any(part.manifest in manifests for part in read_note(data).blend):
                    found.append(concept_id)
        entries = registry.catalogue(found)
    here = place.library
    return tuple(each.name if each.library == here else f"{each.library}/{each.name}" for each in entries)


def _files_that_saw(place: Workplace, manifests: Collection[str]) -> tuple[Path, ...]:
    """Return adapter files that no row names and that were trained on these versions."""
    with place.database.reading() as registry:
        lost = adapters_without_row(place.home, registry)
    infos = {path: find_info(path) for path in lost}
    return tuple(
        path
        for path, info in infos.items()
        if info is not None and any(each.get("manifest") in manifests for each in info.concepts)
    )
