"""The registry's queries and changes, inside one transaction. Inputs and results are plain values."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
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
    SamePicture,
    SeenImage,
    VersionSummary,
)
from concepts.rows import (
    adapters,
    blobs,
    features,
    libraries,
    listing,
    members,
    nearest,
    removal,
    runs,
    same_pictures,
    versions,
)
from concepts.rows.copying import copy
from concepts.rows.library_removal import clear


class Registry:
    """One user's view of the database, from `Database.transaction`. Names compare by `names.name_key`.

    Methods list only the errors that are not listed here.

    Raises:
        LibraryNotFound, ConceptNotFound, AdapterNotFound, RunNotFound: the user can see none of that name or id.
        NotPermitted: the user's role is too low for the change.
        NameInvalid: a new name or noun cannot be used.
    """

    def __init__(self, session: Session, user: str):
        self._session = session
        self._user = user
        session.info["user"] = user  # library addresses in records are relative to this user

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
        """Create an empty library that this user owns. Raises LibraryExists if the user owns one of that name."""
        row = libraries.create_row(self._session, self._user, name, stack)
        return self._library_record(row)

    def libraries(self) -> list[LibraryRecord]:
        """Return the libraries that this user can see: first the user's own by name, then others' by owner."""
        rows = libraries.list_rows(self._session, self._user)
        return [self._library_record(row) for row in rows]

    def owns_library(self) -> bool:
        """Return whether this user owns a library."""
        return libraries.find_own_row(self._session, self._user) is not None

    def find_library(self, name: str) -> LibraryRecord | None:
        """Return the library of that name (OWNER/NAME for another owner's), or None if the user cannot see it."""
        row = libraries.find_row(self._session, self._user, name)
        return None if row is None else self._library_record(row)

    def get_library(self, name: str) -> LibraryRecord:
        """Return the library of that name."""
        return self._library_record(self._library(name))

    def library_address(self, name: str | None = None) -> str:
        """Return this user's name for the library or the current one. A record takes longer: it counts concepts."""
        row = self._library(name) if name else libraries.current_row(self._session, self._user)
        return libraries.address(self._session, row)

    def library_stack(self, name: str) -> str | None:
        """Return the library's default stack. A record takes longer: it counts concepts."""
        return self._library(name).stack

    def use_library(self, name: str) -> LibraryRecord:
        """Make this library the user's current one."""
        row = self._library(name)
        libraries.choose_row(self._session, self._user, row)
        return self._library_record(row)

    def current_library(self) -> LibraryRecord:
        """Return the library that the user chose last, or else the first library that the user created."""
        return self._library_record(libraries.current_row(self._session, self._user))

    def set_library_stack(self, name: str, stack: str | None) -> LibraryRecord:
        """Set the library's default stack."""
        row = self._library(name, "editor")
        row.stack = stack
        self._session.flush()
        return self._library_record(row)

    def rename_library(self, name: str, new_name: str) -> LibraryRecord:
        """Rename a library. Raises LibraryExists if its owner has another library of that name."""
        row = self._library(name, "owner")
        libraries.rename_row(self._session, row, new_name)
        return self._library_record(row)

    def remove_library(self, name: str, agreed: bool = False) -> RemovedLibrary:
        """Delete a library for good. Raises LibraryNotEmpty if it has contents and `agreed` is False."""
        return clear(self._session, self._user, self._library(name, "owner"), agreed)

    def require_editor(self, name: str) -> None:
        """Raise NotPermitted unless this user may change the library's contents."""
        self._library(name, "editor")

    def share_library(self, name: str, user: str, role: str) -> MemberRecord:
        """Share the library with a user as `reader`, `editor` or `owner`. Raises NotPermitted for its first owner."""
        return members.share(self._session, self._library(name, "owner"), user, role)

    def unshare_library(self, name: str, user: str) -> MemberRecord:
        """Stop sharing the library with a user. Members may remove themselves.

        Raises:
            MemberNotFound: the library is not shared with that user.
            NotPermitted: the user is the library's first owner.
        """
        row = self._library(name, "reader" if user == self._user else "owner")
        return members.unshare(self._session, row, user)

    def members(self, name: str) -> list[MemberRecord]:
        """Return the library's owner, then its other members by name."""
        return members.records(self._session, self._library(name))

    # Concepts

    def add_concept(self, library: str, name: str, noun: str, images: Sequence[NewImage]) -> AddResult:
        """Add a concept. The same name with the same content changes nothing and returns `created` False.

        Raises:
            ConceptExists: the name belongs to a concept with other content.
            NounMissing: the noun is empty.
            ImagesMissing: no image was given.
        """
        return versions.add(self._session, self._library(library, "editor"), name, noun, images)

    def revise_concept(
        self, library: str, name: str, noun: str, images: Sequence[NewImage], expected: int | None = None
    ) -> AddResult:
        """Add the concept's next version. Adapters that were trained on an earlier version become stale.

        Raises:
            ConceptChanged: the current version is not the `expected` one.
            NounMissing, ImagesMissing: as `add_concept`.
        """
        return versions.revise(self._session, self._library(library, "editor"), name, noun, images, expected)

    def history(self, library: str, name: str) -> list[VersionSummary]:
        """Return the concept's versions, newest first."""
        return versions.history(self._session, self._concept(library, name)[1])

    def concept_version(self, library: str, name: str, number: int) -> ConceptRecord:
        """Return that version of the concept. Raises ConceptNotFound if the version does not exist."""
        return versions.record(self._session, *self._concept(library, name), number)

    def concepts(self, library: str) -> list[ConceptSummary]:
        """Return the library's concepts by name, without reading image bytes."""
        return versions.summaries(self._session, self._library(library))

    def page(self, library: str, text: str = "", after: str = "", limit: int | None = None) -> ConceptPage:
        """Return at most `limit` concepts by name: names that contain `text` and sort after `after`."""
        return listing.page(self._session, self._library(library), text, after, limit)

    def concepts_near(self, library: str, names: Iterable[str]) -> list[ConceptSummary]:
        """Return the concepts of these names and their neighbours in alphabetical order."""
        return listing.near(self._session, self._library(library), names)

    def same_pictures(self, library: str, concept_id: int, shas: Sequence[str]) -> list[SamePicture]:
        """Return where other concepts of the library have these pictures now, by their hashes."""
        return [*same_pictures.find(self._session, self._library(library), concept_id, shas)]

    def catalogue(self, ids: Collection[int]) -> list[CatalogueEntry]:
        """Return the concepts with these ids that this user can see, of all libraries."""
        return nearest.entries(self._session, self._user, ids)

    def image_counts(self) -> dict[int, int]:
        """Return the number of images of each concept that this user can see, by concept id."""
        return nearest.image_counts(self._session, self._user)

    def seen_images(self, kind: str, begin: str, end: str) -> Iterator[SeenImage]:
        """Iterate over features of one kind, key prefix and suffix, of the images that `image_counts` counts."""
        return nearest.seen_images(self._session, self._user, kind, begin, end)

    def left_out(self) -> Iterator[tuple[int, bytes]]:
        """Iterate over the notes in place of pictures among those images, as pairs of concept id and bytes."""
        return nearest.left_out(self._session, self._user)

    def generation(self) -> tuple[int, ...]:
        """Return numbers that change if the concepts that this user can see, or any versions, change."""
        return nearest.generation(self._session, self._user)

    def concept_names(self, library: str) -> list[str]:
        """Return the names of the library's concepts, in order."""
        return list(versions.names(self._session, self._library(library)).values())

    def find_concept(self, library: str, name: str) -> ConceptRecord | None:
        """Return the concept of that name, or None."""
        row = self._library(library)
        concept = versions.find_row(self._session, row, name)
        return None if concept is None else versions.record(self._session, row, concept)

    def get_concept(self, library: str, name: str) -> ConceptRecord:
        """Return the concept of that name. The message of ConceptNotFound suggests similar names."""
        return versions.record(self._session, *self._concept(library, name))

    def find_concepts(self, library: str, names: Iterable[str]) -> list[ConceptRecord]:
        """Return the named concepts that exist, in the order of `names`, without duplicates. Raises LibraryNotFound."""
        return listing.named(self._session, self._library(library), names)

    def rename_concept(self, library: str, name: str, new_name: str) -> ConceptRecord:
        """Rename a concept; its versions stay unchanged. Raises ConceptExists if another concept has the new name."""
        return versions.rename(self._session, self._library(library, "editor"), name, new_name)

    def copy_concept(self, library: str, name: str, target: str, new_name: str | None = None) -> AddResult:
        """Copy the concept's current version to another library. The blobs are shared, not duplicated.

        Raises:
            ConceptExists: the target has a concept with this name and other content.
            ContentDamaged: stored bytes do not match their hash.
        """
        source = versions.record(self._session, *self._concept(library, name))
        return copy(self._session, self._user, source, self._library(target, "editor"), new_name)

    def remove_concept(self, library: str, name: str) -> RemovedConcept:
        """Hide the concept and free its name; return the adapters that were trained on it."""
        return removal.remove(self._session, *self._concept(library, name, "editor"))

    def removed_concepts(self, library: str) -> list[ConceptSummary]:
        """Return the concepts that were removed and not forgotten, by name, newest removal first."""
        return removal.removed(self._session, self._library(library))

    def restore_concept(
        self, library: str, name: str, concept_id: int | None = None, new_name: str | None = None
    ) -> ConceptRecord:
        """Bring back a removed concept. Raises ConceptExists if another concept has the name now."""
        return removal.restore(self._session, self._library(library, "editor"), name, concept_id, new_name)

    def find_to_forget(self, library: str, name: str, concept_id: int | None = None) -> ConceptSummary:
        """Return the only concept of that name, removed or not. Raises ConceptAmbiguous if there are several."""
        row = self._library(library, "editor")
        found = removal.find(self._session, row, name, concept_id)
        return versions.summaries_where(self._session, row, Concept.id == found.id)[0]

    def forget_concept(self, library: str, name: str, concept_id: int | None = None) -> ForgottenConcept:
        """Delete a concept, removed or not, with every blob that nothing else uses. Raises as `find_to_forget`."""
        row = self._library(library, "editor")
        return removal.forget(self._session, row, removal.find(self._session, row, name, concept_id))

    def blob(self, sha: str) -> bytes:
        """Return the bytes of an image, mask or original, checked against their hash. Raises ContentDamaged."""
        return blobs.read_blob(self._session, self._user, sha)

    # Features

    def put_feature(
        self, key: str, kind: str, data: bytes, shape: Sequence[int], dtype: str,
        image_sha: str | None = None, mask_sha: str | None = None,
    ) -> bool:  # fmt: skip
        """Cache a feature while a concept uses its image, with that mask if one is named.

        A feature without an image stays for good. The first value of a key stays. Returns False and stores nothing
        if the image was removed in the meantime.
        """
        new = FeatureRecord(key, kind, data, tuple(shape), dtype)
        return features.put_feature(self._session, self._user, new, image_sha, mask_sha)

    def feature(self, key: str) -> FeatureRecord | None:
        """Return the cached feature, or None if it is missing or damaged."""
        return features.find_features(self._session, self._user, [key]).get(key)

    def features(self, keys: Collection[str]) -> dict[str, FeatureRecord]:
        """Return the cached features of these keys, without missing and damaged ones."""
        return features.find_features(self._session, self._user, keys)

    def computed_features(self) -> list[str]:
        """Return the keys of all features that this user can see, without embeddings given in place of pictures."""
        return features.computed_keys(self._session, self._user)

    def drop_features(self, keys: Collection[str]) -> None:
        """Delete the features of these keys whose images this user can see. They are recomputed on demand."""
        features.drop_features(self._session, self._user, keys)

    # Runs

    def start_run(
        self, library: str, kind: str, settings: dict[str, Any], versions: Sequence[int],
        taken: Callable[[int], bool] = lambda run_id: False,
    ) -> int:  # fmt: skip
        """Start a run on concept versions, given by `version_id`; return its id, the next one that is not `taken`."""
        return runs.start(self._session, self._library(library, "editor"), kind, settings, versions, taken)

    def continue_run(self, run_id: int, settings: dict[str, Any]) -> None:
        """Store the settings with which a run goes on."""
        self._run(run_id)[1].settings = settings
        self._session.flush()

    def finish_run(self, run_id: int, adapter_id: int | None = None) -> None:
        """Mark the run as finished, with its adapter."""
        library, run = self._run(run_id)
        adapter = None if adapter_id is None else adapters.get_row(self._session, library, adapter_id)
        runs.end(self._session, run, "finished", adapter=adapter)

    def fail_run(self, run_id: int, why: str) -> None:
        """Mark the run as failed."""
        runs.end(self._session, self._run(run_id)[1], "failed", why=why)

    def remove_run(self, run_id: int) -> RunRecord:
        """Remove an unfinished or failed run. Raises RunNotFound, and RunFinished for a run that made an adapter."""
        library, run = self._run(run_id)
        removed = runs.record(self._session, library, run)
        runs.remove(self._session, run)
        return removed

    def find_run(self, run_id: int) -> RunRecord | None:
        """Return the run with that id, or None."""
        found = runs.find_row(self._session, self._user, run_id)
        return None if found is None else runs.record(self._session, *found)

    def runs(self, library: str) -> list[RunRecord]:
        """Return the library's runs, newest first."""
        return runs.records(self._session, self._library(library))

    def runs_of_concept(self, library: str, concept_id: int) -> dict[int, str]:
        """Return the status of each run on any version of this concept."""
        row = self._library(library)
        concept = self._session.get(Concept, concept_id)
        saw = runs.that_saw(self._session, row, concept) if concept else []
        return {run.id: run.status for run in saw}

    def run_statuses(self, run_ids: Collection[int]) -> dict[int, str]:
        """Return the status of each of these runs that exists in any library. A home's folders are compared with it."""
        return runs.statuses(self._session, run_ids)

    # Adapters

    def adapter_files_without_row(self, shas: Collection[str]) -> set[str]:
        """Return which of these files, each given by its SHA-256, no adapter of any library has."""
        return adapters.without_row(self._session, shas)

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
        """Register an adapter file that is already durable, trained on `versions`, each a `version_id`.

        The same bytes again become the newest adapter.
        """
        new = adapters.NewAdapter(sha256=sha256, file_name=file_name, method=method, stack=stack, settings=settings)
        row = self._library(library, "editor")
        adapter = adapters.add(self._session, row, new, versions)
        if run_id is not None:
            self._run(run_id)[1].adapter_id = adapter.id
            self._session.flush()
        return adapters.record(self._session, row, adapter)

    def derive_adapter(
        self, library: str, sha256: str, method: str, stack: str, settings: dict[str, Any], sources: Sequence[int]
    ) -> AdapterRecord:
        """Register the durable file SHA256.safetensors, made of other adapters, which knows all that they know."""
        file_name = f"{sha256}.safetensors"
        new = adapters.NewAdapter(sha256=sha256, file_name=file_name, method=method, stack=stack, settings=settings)
        row = self._library(library, "editor")
        found = [adapters.get_row(self._session, row, source) for source in sources]
        return adapters.record(self._session, row, adapters.derive(self._session, row, new, found))

    def adapters(self, library: str) -> list[AdapterRecord]:
        """Return the library's adapters, newest first, with the versions that they were trained on."""
        return adapters.records(self._session, self._library(library))

    def get_adapter(self, library: str, adapter: int | str) -> AdapterRecord:
        """Return the adapter with that id or SHA-256 prefix."""
        row = self._library(library)
        return adapters.record(self._session, row, adapters.get_row(self._session, row, adapter))

    def remove_adapter(self, library: str, adapter: int | str) -> RemovedAdapter:
        """Remove an adapter. The caller may delete its file if `file_unused`."""
        row = self._library(library, "editor")
        found = adapters.get_row(self._session, row, adapter)
        removed = adapters.record(self._session, row, found)
        return RemovedAdapter(removed, adapters.remove(self._session, found))
