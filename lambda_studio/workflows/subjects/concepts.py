"""`studio.concepts`: the use cases that are about the subjects of a library.

A method imports what opens pictures or runs models itself: listing concepts must not wait for it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from concepts.errors import NounMissing
from concepts.names import check_name, check_noun
from concepts.records import AddResult, ConceptPage, ConceptRecord, ConceptSummary, VersionSummary
from concepts.registry import Registry
from lambda_studio.config import require
from lambda_studio.workflows.answers import Added, ConceptCard, Forgotten, GivenBack, Neighbours, Removed
from lambda_studio.workflows.cache.encoders import KnownEncoders
from lambda_studio.workflows.workplace import Workplace


class Concepts:
    """The subjects of the library: added from photos, versioned, shown, removed and forgotten."""

    def __init__(self, workplace: Workplace):
        self._place = workplace

    def add(
        self,
        name: str,
        images: Sequence[Path],
        *,
        noun: str | None,
        masks: Sequence[Path] = (),
        segment: str = "auto",
        keep_original: bool = False,
    ) -> Added:
        """Store a subject and cache CLIP's view of it. Nothing is stored unless every image and mask can be used.

        Args:
            masks: one file for each image, white where the subject is; none: the subject is found by `segment`.
            segment: auto, alpha, grabcut, grounded or none.
            keep_original: store the files too, byte for byte, with their metadata.

        Raises:
            NameInvalid, NounMissing, ImageRefused, MaskRefused, ConceptExists.
        """
        from lambda_studio.workflows.subjects.lookalikes import lookalike_warning
        from lambda_studio.workflows.subjects.photos import read_images
        from lambda_studio.workflows.subjects.segmenting import subject_finder
        from lambda_studio.workflows.subjects.versions import embedded

        place, name = self._place, check_name(name)
        if noun is None:
            cause = f"The noun of {name!r} is missing."
            raise NounMissing(cause, "Say what kind of thing it is, for example: --noun dog")
        library, checked_noun = place.library, check_noun(noun)
        place.require_editor()
        find = subject_finder(place, segment, checked_noun)
        new_images = read_images(place.door, images, masks, find, place.progress, keep_original)
        _ = place.embedder.encoder  # models that are missing are missed before anything is stored

        def store(registry: Registry) -> tuple[AddResult, str | None]:
            return registry.add_concept(library, name, checked_noun, new_images), place.remember_stack(registry)

        result, remembered = place.database.write(store)
        if remembered:
            place.notify(f"Library {library} now works with {remembered}.")
        added = embedded(place, result, new_images)
        alike = lookalike_warning(place, added.concept) if added.created else ()
        return replace(added, warnings=(*added.warnings, *alike))

    def edit(
        self,
        name: str,
        *,
        noun: str | None = None,
        add: Sequence[Path] = (),
        drop: Sequence[int] = (),
        masks: Mapping[int, Path] | None = None,
        segment: str = "auto",
        keep_original: bool = False,
    ) -> Added:
        """Write the concept's next version: another noun, images more or less, other masks for some.

        Args:
            drop: images by their number, from 1.
            masks: mask files by the number of their image.
            keep_original: store the files of `add` too, also where the concept has such an image without one.

        Raises:
            ConceptNotFound, ConceptChanged (by somebody else meanwhile), ImagesMissing, and as `add`.
        """
        from lambda_studio.workflows.subjects.segmenting import subject_finder
        from lambda_studio.workflows.subjects.versions import Changes, changed_images, revise

        cause = f"Nothing to change about {name} was given."
        require(bool(noun or add or drop or masks), cause, "Give --noun, --add, --drop or --mask.")
        require(bool(add or not keep_original), "There is no file to keep the original of.", "Give --add IMAGE.")
        self._place.require_editor()
        concept = self._place.get_concepts([name])[0]
        find = subject_finder(self._place, segment, noun or concept.noun)
        images = changed_images(self._place, concept, Changes(add, drop, masks or {}, keep_original), find)
        return revise(self._place, concept, noun or concept.noun, images)

    def page(self, text: str = "", *, after: str = "", limit: int | None = None) -> ConceptPage:
        """Return at most `limit` concepts by name, of those whose names hold `text` and come after `after`."""
        require(limit is None or limit >= 1, f"The number of concepts is {limit}.", "Give 1 or more.")
        library = self._place.library
        with self._place.database.reading() as registry:
            return registry.page(library, text, after, limit)

    def show(self, name: str) -> ConceptCard:
        """Return everything about one concept. Raises ConceptNotFound."""
        from lambda_studio.workflows.subjects.card import concept_card

        encoders = KnownEncoders(self._place.home).read()
        return concept_card(self._place.database, self._place.library, name, encoders)

    def history(self, name: str) -> Sequence[VersionSummary]:
        """Return the concept's versions, the present one first. Raises ConceptNotFound."""
        library = self._place.library
        with self._place.database.reading() as registry:
            return registry.history(library, name)

    def restore(self, name: str, number: int) -> Added:
        """Write a new version with the noun and images of an earlier one. Raises ConceptNotFound, ConceptChanged."""
        from lambda_studio.workflows.subjects.versions import revise, stored_images

        library = self._place.library
        with self._place.database.reading() as registry:
            present = registry.get_concept(library, name)
            wanted = registry.concept_version(library, name, number)
        return revise(self._place, present, wanted.noun, stored_images(self._place.database, wanted))

    def similar(self, name: str, count: int = 5) -> Neighbours:
        """Return the visible concepts that look most like this one, nearest first. Raises ConceptNotFound."""
        from lambda_studio.workflows.subjects.lookalikes import neighbours

        require(count >= 1, f"The number of concepts is {count}.", "Give 1 or more.")
        place = self._place
        concept = place.get_concepts([name])[0]
        encoder = KnownEncoders(place.home).read().get(place.spec.name) or place.embedder.encoder
        found = neighbours(place, concept, encoder, count)
        if found is None:
            place.embedder.subjects([concept])
            found = neighbours(place, concept, place.embedder.encoder, count)
        nearest, not_compared = found or ([], 0)
        return Neighbours(concept.name, place.spec.name, tuple(nearest), not_compared)

    def write_sheet(self, name: str, out: Path) -> Path:
        """Draw the concept's references with their masks laid over them. Return the path, never of another file."""
        from lambda_studio.pictures.outputs import write_picture
        from lambda_studio.workflows.subjects.card import mask_sheet

        concept = self._place.get_concepts([name])[0]
        sheet = mask_sheet(self._place.database, concept)
        return write_picture(sheet, {"concept": concept.name}, out, f"{concept.name} masks")

    def write_originals(self, name: str, folder: Path) -> GivenBack:
        """Write the files that were kept of a concept's images, byte for byte, into a new folder: all or none.

        Raises:
            ConceptNotFound, ContentDamaged, InvalidSetting where none was kept, OutputExists, StorageFailed.
        """
        from lambda_studio.workflows.subjects.originals import kept_files, publish, require_free

        require_free(folder)
        concept = self._place.get_concepts([name])[0]
        files = kept_files(self._place, concept)
        publish(folder, files)
        shas = tuple(image.original_sha for image in concept.images if image.original_sha)
        return GivenBack(concept.name, folder, tuple(files), shas)

    def rename(self, name: str, new_name: str) -> ConceptRecord:
        """Give a concept another name; adapters go on knowing it. Raises ConceptExists, NameInvalid."""
        library = self._place.library
        return self._place.database.write(lambda registry: registry.rename_concept(library, name, new_name))

    def copy(self, name: str, target: str, new_name: str | None = None) -> AddResult:
        """Put the concept in another library too, its bytes stored once. Raises ConceptExists, NotPermitted."""
        library = self._place.library
        return self._place.database.write(lambda registry: registry.copy_concept(library, name, target, new_name))

    def remove(self, name: str) -> Removed:
        """Hide a concept and free its name; nothing of it is deleted. Raises ConceptNotFound, NotPermitted."""
        library = self._place.library
        gone = self._place.database.write(lambda registry: registry.remove_concept(library, name))
        return Removed(gone.concept.name, gone.concept.id, tuple(adapter.id for adapter in gone.adapters))

    def bring_back(self, name: str, concept_id: int | None = None, new_name: str | None = None) -> ConceptRecord:
        """Bring back the concept removed last under this name, or the one of that number.

        Raises:
            ConceptExists, ConceptNotFound.
        """
        library = self._place.library
        return self._place.database.write(
            lambda registry: registry.restore_concept(library, name, concept_id, new_name)
        )

    def forget(self, name: str, concept_id: int | None, agree: Callable[[ConceptSummary], None]) -> Forgotten:
        """Delete a concept, present or removed, with every byte that only it needed; `agree` raises to stop it."""
        library, database = self._place.library, self._place.database
        with database.reading() as registry:
            found = registry.find_to_forget(library, name, concept_id)
        agree(found)  # a person may take their time: no transaction is open
        done = database.write(lambda registry: registry.forget_concept(library, name, found.id))
        return Forgotten(
            name=done.concept.name,
            id=done.concept.id,
            adapters=tuple(adapter.id for adapter in done.adapters),
            deleted=tuple(done.deleted.sizes),
            bytes=done.deleted.total,
            kept=done.kept,
            backups=tuple(sorted(database.store.backups())),
        )

    def list(self, *, removed: bool = False) -> list[ConceptSummary]:
        """Return the library's concepts by name, or the ones that were removed from it."""
        return self._place.removed_concepts() if removed else self._place.concepts()
