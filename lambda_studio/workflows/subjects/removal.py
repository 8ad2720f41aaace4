"""What goes for good: the registry's rows first, then the files that only they needed."""

import shutil
from collections.abc import Callable

from concepts.records import ConceptSummary, RemovedLibrary
from lambda_studio.workflows.answers import Forgotten
from lambda_studio.workflows.home import adapters_folder, run_folder
from lambda_studio.workflows.workplace import Workplace


def forget(place: Workplace, name: str, concept_id: int | None, agree: Callable[[ConceptSummary], None]) -> Forgotten:
    """As `Studio.forget`."""
    library = place.library
    with place.database.reading() as registry:
        found = registry.find_to_forget(library, name, concept_id)
    agree(found)  # a person may take their time: no transaction is open
    done = place.database.write(lambda registry: registry.forget_concept(library, name, found.id))
    return Forgotten(
        name=done.concept.name,
        id=done.concept.id,
        adapters=tuple(adapter.id for adapter in done.adapters),
        deleted=tuple(done.deleted.sizes),
        bytes=done.deleted.total,
        kept=done.kept,
        backups=tuple(sorted(place.database.store.backups())),
    )


def remove_library(place: Workplace, name: str, agreed: bool) -> RemovedLibrary:
    """As `Studio.remove_library`."""
    removed = place.database.write(lambda registry: registry.remove_library(name, agreed))
    for file_name in removed.unused_files:
        (adapters_folder(place.home) / file_name).unlink(missing_ok=True)
    for run_id in removed.runs:
        shutil.rmtree(run_folder(place.home, run_id), ignore_errors=True)
    return removed
