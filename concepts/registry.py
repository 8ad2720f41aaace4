"""What the registry can be asked and told, inside one transaction. Plain values go in and come out."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy.orm import Session

from concepts import adapters, blobs, features, libraries, runs, subjects
from concepts.models import Concept, Library
from concepts.records import (
    AdapterRecord,
    AddResult,
    ConceptRecord,
    ConceptSummary,
    FeatureRecord,
    LibraryRecord,
    NewImage,
    RemovedAdapter,
    RemovedConcept,
    RunRecord,
    VersionSummary,
)


class Registry:
    """One owner's view of the database, as `Database.transaction()` gives it. Names compare by `names.name_key`."""

    def __init__(self, session: Session, owner: str):
        self._session = session
        self._owner = owner

    def _library(self, name: str) -> Library:
        return libraries.get_row(self._session, self._owner, name)

    def _concept(self, library: str, name: str) -> tuple[Library, Concept]:
        row = self._library(library)
        return row, subjects.get_row(self._session, row, name)

    # Libraries

    def create_library(self, name: str, stack: str | None = None) -> LibraryRecord:
        """A new, empty library. Raises NameInvalid or LibraryExists."""
        row = libraries.create_row(self._session, self._owner, name, stack)
        return libraries.library_record(self._session, row)

    def libraries(self) -> list[LibraryRecord]:
        """All libraries, by name."""
        rows = libraries.list_rows(self._session, self._owner)
        return [libraries.library_record(self._session, row) for row in rows]

    def find_library(self, name: str) -> LibraryRecord | None:
        """The library of that name, or None."""
        row = libraries.find_row(self._session, self._owner, name)
        return None if row is None else libraries.library_record(self._session, row)

    def get_library(self, name: str) -> LibraryRecord:
        """The library of that name. Raises LibraryNotFound."""
        return libraries.library_record(self._session, self._library(name))

    def use_library(self, name: str) -> LibraryRecord:
        """Remember this library as the current one. Raises LibraryNotFound."""
        row = self._library(name)
        libraries.choose_row(self._session, self._owner, row)
        return libraries.library_record(self._session, row)

    def current_library(self) -> LibraryRecord:
        """The library that was chosen last; "default" until one was."""
        return libraries.library_record(self._session, libraries.current_row(self._session, self._owner))

    def set_library_stack(self, name: str, stack: str | None) -> LibraryRecord:
        """Remember the stack that this library works with. Raises LibraryNotFound."""
        row = self._library(name)
        row.stack = stack
        self._session.flush()
        return libraries.library_record(self._session, row)

    # Concepts

    def add_concept(self, library: str, name: str, noun: str, images: Sequence[NewImage]) -> AddResult:
        """A new concept. The same name with the same content is answered with `created` False.

        Raises ConceptExists for other content, LibraryNotFound, NameInvalid, NounMissing, ImagesMissing.
        """
        return subjects.add(self._session, self._library(library), name, noun, images)

    def revise_concept(
        self, library: str, name: str, noun: str, images: Sequence[NewImage], expected: int | None = None
    ) -> AddResult:
        """The concept's next version; adapters that saw an earlier one become stale.

        Raises as `add_concept`, and ConceptChanged where the present version is not the `expected` one.
        """
        return subjects.revise(self._session, self._library(library), name, noun, images, expected)

    def history(self, library: str, name: str) -> list[VersionSummary]:
        """The concept's versions, the present one first. Raises ConceptNotFound."""
        return subjects.history(self._session, self._concept(library, name)[1])

    def concept_version(self, library: str, name: str, number: int) -> ConceptRecord:
        """The concept as it was in that version. Raises ConceptNotFound, also where there is no such version."""
        return subjects.record(self._session, *self._concept(library, name), number)

    def concepts(self, library: str) -> list[ConceptSummary]:
        """The library's concepts, by name, without touching a byte of an image."""
        return subjects.summaries(self._session, self._library(library))

    def concept_names(self, library: str) -> list[str]:
        """The names of the library's concepts, in order."""
        return list(subjects.names(self._session, self._library(library)).values())

    def find_concept(self, library: str, name: str) -> ConceptRecord | None:
        """The concept of that name, or None. Raises LibraryNotFound."""
        row = self._library(library)
        concept = subjects.find_row(self._session, row, name)
        return None if concept is None else subjects.record(self._session, row, concept)

    def get_concept(self, library: str, name: str) -> ConceptRecord:
        """The concept of that name. Raises ConceptNotFound, which names the nearest, or LibraryNotFound."""
        return subjects.record(self._session, *self._concept(library, name))

    def rename_concept(self, library: str, name: str, new_name: str) -> ConceptRecord:
        """Another name; no version is touched. Raises ConceptExists, ConceptNotFound, NameInvalid."""
        return subjects.rename(self._session, self._library(library), name, new_name)

    def remove_concept(self, library: str, name: str) -> RemovedConcept:
        """Delete it with every byte that only it needed; says which adapters saw it. Raises ConceptNotFound."""
        row, concept = self._concept(library, name)
        summary = subjects.summaries(self._session, row, only=concept)[0]
        saw = adapters.that_saw(self._session, row, concept)
        subjects.remove(self._session, concept)
        return RemovedConcept(summary, tuple(saw))

    def blob(self, sha: str) -> bytes:
        """The bytes of an image or mask, checked against their hash. Raises ContentDamaged."""
        return blobs.read_blob(self._session, self._owner, sha)

    # Features

    def put_feature(
        self,
        key: str,
        kind: str,
        data: bytes,
        shape: Sequence[int],
        dtype: str,
        image_sha: str | None = None,
        mask_sha: str | None = None,
    ) -> bool:
        """Cache a feature for as long as its image (with that mask, where one is named) is in a concept.

        A feature without an image is kept for good. The first value of a key stays. Answers False, and keeps
        nothing, where the image has been removed meanwhile.
        """
        new = FeatureRecord(key, kind, data, tuple(shape), dtype)
        return features.put_feature(self._session, new, image_sha, mask_sha)

    def feature(self, key: str) -> FeatureRecord | None:
        """The cached feature; None where there is none, or where its bytes are damaged."""
        return features.find_features(self._session, [key]).get(key)

    def features(self, keys: Collection[str]) -> dict[str, FeatureRecord]:
        """Those of these features that are cached and whole, by key."""
        return features.find_features(self._session, keys)

    def features_of(self, image_sha: str, kind: str) -> list[FeatureRecord]:
        """The cached features of one kind that belong to an image, by key."""
        return features.features_of(self._session, image_sha, kind)

    # Runs

    def start_run(self, library: str, kind: str, settings: dict[str, Any], versions: Sequence[int]) -> int:
        """Begin a run on concept versions, given by `version_id`; the run's id. Raises ConceptNotFound."""
        return runs.start(self._session, self._library(library), kind, settings, versions)

    def finish_run(self, run_id: int, adapter_id: int | None = None) -> None:
        """The run has ended well, and made this adapter. Raises RunNotFound, AdapterNotFound."""
        run = runs.get_row(self._session, self._owner, run_id)
        library = self._session.get_one(Library, run.library_id)
        adapter = None if adapter_id is None else adapters.get_row(self._session, library, adapter_id)
        runs.end(self._session, run, "finished", adapter=adapter)

    def fail_run(self, run_id: int, why: str) -> None:
        """The run has ended otherwise. Raises RunNotFound."""
        runs.end(self._session, runs.get_row(self._session, self._owner, run_id), "failed", why=why)

    def find_run(self, run_id: int) -> RunRecord | None:
        """The run of that number, or None."""
        found = runs.find_row(self._session, self._owner, run_id)
        return None if found is None else runs.record(self._session, *found)

    def runs(self, library: str) -> list[RunRecord]:
        """The library's runs, newest first."""
        return runs.records(self._session, self._library(library))

    # Adapters

    def add_adapter(
        self,
        library: str,
        sha256: str,
        file_name: str,
        method: str,
        stack: str,
        settings: dict[str, Any],
        versions: Sequence[int],
        run_id: int | None = None,
    ) -> AdapterRecord:
        """Register a file that is durable already, and the versions, by `version_id`, it saw.

        The same bytes made again are the same adapter, and the newest. Raises ConceptNotFound, RunNotFound.
        """
        new = adapters.NewAdapter(sha256=sha256, file_name=file_name, method=method, stack=stack, settings=settings)
        row = self._library(library)
        adapter = adapters.add(self._session, row, new, versions)
        if run_id is not None:
            runs.get_row(self._session, self._owner, run_id).adapter_id = adapter.id
            self._session.flush()
        return adapters.record(self._session, row, adapter)

    def adapters(self, library: str) -> list[AdapterRecord]:
        """The library's adapters, newest first, each with the versions it saw and whether they are stale."""
        return adapters.records(self._session, self._library(library))

    def get_adapter(self, library: str, adapter: int | str) -> AdapterRecord:
        """The adapter of that number, or whose SHA-256 begins so. Raises AdapterNotFound."""
        row = self._library(library)
        return adapters.record(self._session, row, adapters.get_row(self._session, row, adapter))

    def remove_adapter(self, library: str, adapter: int | str) -> RemovedAdapter:
        """Forget an adapter; its file may be deleted afterwards where `file_unused`. Raises AdapterNotFound."""
        row = self._library(library)
        found = adapters.get_row(self._session, row, adapter)
        removed = adapters.record(self._session, row, found)
        return RemovedAdapter(removed, adapters.remove(self._session, found))
