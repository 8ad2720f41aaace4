"""What the registry can be asked and told, inside one transaction. Plain values go in and come out."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy.orm import Session

from concepts.access import require_role
from concepts.models import Concept, Library, Run
from concepts.records import (
    AdapterRecord,
    AddResult,
    CatalogueEntry,
    ConceptPage,
    ConceptRecord,
    ConceptSummary,
    FeatureRecord,
    ForgottenConcept,
    LibraryRecord,
    MemberRecord,
    NewImage,
    RemovedAdapter,
    RemovedConcept,
    RemovedLibrary,
    RunRecord,
    SeenImage,
    VersionSummary,
)
from concepts.rows import adapters, blobs, features, libraries, listing, members, nearest, removal, runs, versions
from concepts.rows.copying import copy
from concepts.rows.library_removal import clear


class Registry:
    """One user's view of the database, as `Database.transaction()` gives it. Names compare by `names.name_key`."""

    def __init__(self, session: Session, user: str):
        self._session = session
        self._user = user
        session.info["user"] = user  # whose names of libraries the records carry

    def _library(self, name: str, least: str = "reader") -> Library:
        row = libraries.get_row(self._session, self._user, name)
        require_role(self._session, self._user, row, least)
        return row

    def _library_record(self, row: Library) -> LibraryRecord:
        return libraries.library_record(self._session, self._user, row)

    def _concept(self, library: str, name: str, least: str = "reader") -> tuple[Library, Concept]:
        row = self._library(library, least)
        return row, versions.get_row(self._session, row, name)

    def _run(self, run_id: int) -> tuple[Library, Run]:
        library, run = runs.get_row(self._session, self._user, run_id)
        require_role(self._session, self._user, library, "editor")
        return library, run

    # Libraries

    def create_library(self, name: str, stack: str | None = None) -> LibraryRecord:
        """A new, empty library. Raises NameInvalid or LibraryExists."""
        row = libraries.create_row(self._session, self._user, name, stack)
        return self._library_record(row)

    def libraries(self) -> list[LibraryRecord]:
        """The libraries that this user may see: the user's own by name, then others'."""
        rows = libraries.list_rows(self._session, self._user)
        return [self._library_record(row) for row in rows]

    def owns_library(self) -> bool:
        """Whether this user has a library of their own."""
        return libraries.find_own_row(self._session, self._user) is not None

    def find_library(self, name: str) -> LibraryRecord | None:
        """The library of that name, or (OWNER/NAME) another's that is shared with this user; or None."""
        row = libraries.find_row(self._session, self._user, name)
        return None if row is None else self._library_record(row)

    def get_library(self, name: str) -> LibraryRecord:
        """The library of that name. Raises LibraryNotFound."""
        return self._library_record(self._library(name))

    def library_address(self, name: str | None = None) -> str:
        """What this user calls that library, or the current one: a look-up, where a record counts concepts.

        Raises LibraryNotFound.
        """
        row = self._library(name) if name else libraries.current_row(self._session, self._user)
        return libraries.address(self._session, row)

    def library_stack(self, name: str) -> str | None:
        """The stack that this library remembers, looked up likewise. Raises LibraryNotFound."""
        return self._library(name).stack

    def use_library(self, name: str) -> LibraryRecord:
        """Remember this library as the current one. Raises LibraryNotFound."""
        row = self._library(name)
        libraries.choose_row(self._session, self._user, row)
        return self._library_record(row)

    def current_library(self) -> LibraryRecord:
        """The library that was chosen last; "default" until one was."""
        return self._library_record(libraries.current_row(self._session, self._user))

    def set_library_stack(self, name: str, stack: str | None) -> LibraryRecord:
        """Remember the stack that this library works with. Raises LibraryNotFound, NotPermitted."""
        row = self._library(name, "editor")
        row.stack = stack
        self._session.flush()
        return self._library_record(row)

    def rename_library(self, name: str, new_name: str) -> LibraryRecord:
        """Another name for a library. Raises LibraryNotFound, LibraryExists, NameInvalid, NotPermitted."""
        row = self._library(name, "owner")
        libraries.rename_row(self._session, row, new_name)
        return self._library_record(row)

    def remove_library(self, name: str, agreed: bool = False) -> RemovedLibrary:
        """Delete a library for good. Raises LibraryNotEmpty where something would go and nobody agreed."""
        return clear(self._session, self._user, self._library(name, "owner"), agreed)

    def require_editor(self, name: str) -> None:
        """Raise NotPermitted where this user may not change what is in the library, or LibraryNotFound."""
        self._library(name, "editor")

    def share_library(self, name: str, user: str, role: str) -> MemberRecord:
        """Let somebody see the library as `reader`, `editor` or `owner`. Raises NameInvalid, NotPermitted."""
        return members.share(self._session, self._library(name, "owner"), user, role)

    def unshare_library(self, name: str, user: str) -> MemberRecord:
        """Let somebody see it no longer; everybody may leave. Raises MemberNotFound, NotPermitted."""
        row = self._library(name, "reader" if user == self._user else "owner")
        return members.unshare(self._session, row, user)

    def members(self, name: str) -> list[MemberRecord]:
        """Who may see the library, its owner first. Raises LibraryNotFound."""
        return members.records(self._session, self._library(name))

    # Concepts

    def add_concept(self, library: str, name: str, noun: str, images: Sequence[NewImage]) -> AddResult:
        """A new concept. The same name with the same content is answered with `created` False.

        Raises ConceptExists for other content, LibraryNotFound, NotPermitted, NameInvalid, NounMissing, ImagesMissing.
        """
        return versions.add(self._session, self._library(library, "editor"), name, noun, images)

    def revise_concept(
        self, library: str, name: str, noun: str, images: Sequence[NewImage], expected: int | None = None
    ) -> AddResult:
        """The concept's next version; adapters that saw an earlier one become stale.

        Raises as `add_concept`, and ConceptChanged where the present version is not the `expected` one.
        """
        return versions.revise(self._session, self._library(library, "editor"), name, noun, images, expected)

    def history(self, library: str, name: str) -> list[VersionSummary]:
        """The concept's versions, the present one first. Raises ConceptNotFound."""
        return versions.history(self._session, self._concept(library, name)[1])

    def concept_version(self, library: str, name: str, number: int) -> ConceptRecord:
        """The concept as it was in that version. Raises ConceptNotFound, also where there is no such version."""
        return versions.record(self._session, *self._concept(library, name), number)

    def concepts(self, library: str) -> list[ConceptSummary]:
        """The library's concepts, by name, without touching a byte of an image."""
        return versions.summaries(self._session, self._library(library))

    def page(self, library: str, text: str = "", after: str = "", limit: int | None = None) -> ConceptPage:
        """Some of the library's concepts, by name: at most `limit`, whose names hold `text` and come after `after`."""
        return listing.page(self._session, self._library(library), text, after, limit)

    def concepts_near(self, library: str, names: Iterable[str]) -> list[ConceptSummary]:
        """The concepts of these names, and those whose names stand next to them in the alphabet."""
        return listing.near(self._session, self._library(library), names)

    def catalogue(self, ids: Collection[int]) -> list[CatalogueEntry]:
        """Those of these concepts that this user may see, in whatever library."""
        return nearest.entries(self._session, self._user, ids)

    def image_counts(self) -> dict[int, int]:
        """How many images each concept has, of every library that this user may see, by the concept's id."""
        return nearest.image_counts(self._session, self._user)

    def seen_images(self, kind: str, begin: str, end: str) -> Iterator[SeenImage]:
        """What is cached of one kind, under keys that begin and end so, of the images that `image_counts` counts."""
        return nearest.seen_images(self._session, self._user, kind, begin, end)

    def left_out(self) -> Iterator[tuple[int, bytes]]:
        """The notes in place of pictures among the images that `image_counts` counts, with their concepts' ids."""
        return nearest.left_out(self._session, self._user)

    def generation(self) -> tuple[int, ...]:
        """Numbers that change with the concepts that this user may see and with their versions."""
        return nearest.generation(self._session, self._user)

    def concept_names(self, library: str) -> list[str]:
        """The names of the library's concepts, in order."""
        return list(versions.names(self._session, self._library(library)).values())

    def find_concept(self, library: str, name: str) -> ConceptRecord | None:
        """The concept of that name, or None. Raises LibraryNotFound."""
        row = self._library(library)
        concept = versions.find_row(self._session, row, name)
        return None if concept is None else versions.record(self._session, row, concept)

    def get_concept(self, library: str, name: str) -> ConceptRecord:
        """The concept of that name. Raises ConceptNotFound, which names the nearest, or LibraryNotFound."""
        return versions.record(self._session, *self._concept(library, name))

    def rename_concept(self, library: str, name: str, new_name: str) -> ConceptRecord:
        """Another name; no version is touched. Raises ConceptExists, ConceptNotFound, NameInvalid."""
        return versions.rename(self._session, self._library(library, "editor"), name, new_name)

    def copy_concept(self, library: str, name: str, target: str, new_name: str | None = None) -> AddResult:
        """The concept as it is now, in another library too; bytes are not stored again.

        Raises ConceptNotFound, ConceptExists, ContentDamaged, LibraryNotFound, NotPermitted.
        """
        source = versions.record(self._session, *self._concept(library, name))
        return copy(self._session, self._user, source, self._library(target, "editor"), new_name)

    def remove_concept(self, library: str, name: str) -> RemovedConcept:
        """Hide it and free its name; says which adapters saw it. Raises ConceptNotFound, NotPermitted."""
        return removal.remove(self._session, *self._concept(library, name, "editor"))

    def removed_concepts(self, library: str) -> list[ConceptSummary]:
        """What was removed and not forgotten, by name, the last removed of one name first."""
        return removal.removed(self._session, self._library(library))

    def restore_concept(
        self, library: str, name: str, concept_id: int | None = None, new_name: str | None = None
    ) -> ConceptRecord:
        """Bring back a removed concept. Raises ConceptNotFound, NotPermitted, and ConceptExists for a name in use."""
        return removal.restore(self._session, self._library(library, "editor"), name, concept_id, new_name)

    def find_to_forget(self, library: str, name: str, concept_id: int | None = None) -> ConceptSummary:
        """The one concept of that name, present or removed. Raises ConceptNotFound, ConceptAmbiguous."""
        row = self._library(library, "editor")
        found = removal.find(self._session, row, name, concept_id)
        return versions.summaries_where(self._session, row, Concept.id == found.id)[0]

    def forget_concept(self, library: str, name: str, concept_id: int | None = None) -> ForgottenConcept:
        """Delete it, present or removed, with every byte that only it needed. Raises as `find_to_forget`."""
        row = self._library(library, "editor")
        return removal.forget(self._session, row, removal.find(self._session, row, name, concept_id))

    def blob(self, sha: str) -> bytes:
        """The bytes of an image, mask or original, checked against their hash. Raises ContentDamaged."""
        return blobs.read_blob(self._session, self._user, sha)

    # Features

    def put_feature(
        self, key: str, kind: str, data: bytes, shape: Sequence[int], dtype: str,
        image_sha: str | None = None, mask_sha: str | None = None,
    ) -> bool:  # fmt: skip
        """Cache a feature for as long as its image (with that mask, where one is named) is in a concept.

        A feature without an image is kept for good. The first value of a key stays. Answers False, and keeps
        nothing, where the image has been removed meanwhile.
        """
        new = FeatureRecord(key, kind, data, tuple(shape), dtype)
        return features.put_feature(self._session, self._user, new, image_sha, mask_sha)

    def feature(self, key: str) -> FeatureRecord | None:
        """The cached feature; None where there is none, or where its bytes are damaged."""
        return features.find_features(self._session, self._user, [key]).get(key)

    def features(self, keys: Collection[str]) -> dict[str, FeatureRecord]:
        """Those of these features that are cached and whole, by key."""
        return features.find_features(self._session, self._user, keys)

    def computed_features(self) -> list[str]:
        """The keys of all features of what this user may see, but for those that came in place of a picture."""
        return features.computed_keys(self._session, self._user)

    def drop_features(self, keys: Collection[str]) -> None:
        """Forget those of these features whose images this user may see; what needs one computes it again."""
        features.drop_features(self._session, self._user, keys)

    # Runs

    def start_run(self, library: str, kind: str, settings: dict[str, Any], versions: Sequence[int]) -> int:
        """Begin a run on concept versions, given by `version_id`; the run's id. Raises ConceptNotFound."""
        return runs.start(self._session, self._library(library, "editor"), kind, settings, versions)

    def finish_run(self, run_id: int, adapter_id: int | None = None) -> None:
        """The run has ended well, and made this adapter. Raises RunNotFound, AdapterNotFound."""
        library, run = self._run(run_id)
        adapter = None if adapter_id is None else adapters.get_row(self._session, library, adapter_id)
        runs.end(self._session, run, "finished", adapter=adapter)

    def fail_run(self, run_id: int, why: str) -> None:
        """The run has ended otherwise. Raises RunNotFound."""
        runs.end(self._session, self._run(run_id)[1], "failed", why=why)

    def find_run(self, run_id: int) -> RunRecord | None:
        """The run of that number, or None."""
        found = runs.find_row(self._session, self._user, run_id)
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
        row = self._library(library, "editor")
        adapter = adapters.add(self._session, row, new, versions)
        if run_id is not None:
            self._run(run_id)[1].adapter_id = adapter.id
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
        row = self._library(library, "editor")
        found = adapters.get_row(self._session, row, adapter)
        removed = adapters.record(self._session, row, found)
        return RemovedAdapter(removed, adapters.remove(self._session, found))
