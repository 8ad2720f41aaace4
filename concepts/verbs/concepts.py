"""What a registry is asked about concepts and their versions."""

from collections.abc import Collection, Iterable, Iterator, Sequence

from concepts.models import Concept
from concepts.records import (
    AddResult,
    CatalogueEntry,
    ConceptPage,
    ConceptRecord,
    ConceptSummary,
    ForgottenConcept,
    NewImage,
    RemovedConcept,
    SamePicture,
    SeenImage,
    VersionSummary,
)
from concepts.rows import blobs, listing, nearest, removal, same_pictures, versions
from concepts.rows.copying import copy
from concepts.verbs.view import View


class ConceptVerbs(View):
    """The verbs of concepts."""

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

    def find_version(self, library: str, manifest: str, name: str) -> ConceptRecord | None:
        """Return the version, current or not, that has this manifest: of the concept of this name, else of any."""
        return versions.find_by_manifest(self._session, self._library(library), manifest, name)

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
