"""`studio.concepts`: the use cases of a library's subjects.

Methods import picture and model modules on use, so that listing concepts stays fast.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from concepts.errors import NounMissing
from concepts.names import check_name, check_noun
from concepts.records import AddResult, ConceptPage, ConceptRecord, ConceptSummary, VersionSummary
from concepts.registry import Registry
from lambda_studio.config import require
from lambda_studio.workflows.answers.concepts import (
    Added,
    ConceptCard,
    Forgotten,
    GivenBack,
    MasksWritten,
    Neighbours,
    Removed,
)
from lambda_studio.workflows.cache.encoders import KnownEncoders
from lambda_studio.workflows.subjects.changes import Changes
from lambda_studio.workflows.workplace import Workplace

if TYPE_CHECKING:
    from lambda_studio.workflows.subjects.masks.marking import Mark
    from lambda_studio.workflows.subjects.numbering import Called


class Concepts:
    """The subjects of the library: add, edit, show, remove and forget them."""

    def __init__(self, workplace: Workplace):
        self._place = workplace

    def add(
        self,
        name: str,
        images: "Sequence[Path | str] | Path | str",
        *,
        noun: str | None,
        masks: "Sequence[Path] | Mapping[Called, Mark]" = (),
        segment: str = "auto",
        keep_original: bool = False,
    ) -> Added:
        """Store a subject. Nothing is stored unless every image and mask is usable.

        Then its CLIP embeddings are cached, if the stack's models are on this machine; else when they are first needed.

        Args:
            images: files, and folders whose pictures are taken in natural order; or one of them.
            masks: one file for each image, white = subject; or by an image's number, from 1, or its file
                name, a file, a `Box`, a `Point` or a `Segment`. For the others, masks beside them are used, else
                `segment`.
            segment: auto, alpha, salient, grabcut, grounded or none.
            keep_original: also store the original files, byte for byte, with their metadata.

        Raises:
            NameInvalid, NounMissing, ImageRefused, MaskRefused, ConceptExists.
        """
        from lambda_studio.bundles.layouts.one_subject import one_subject
        from lambda_studio.workflows.learnt_words import note_unlearnt
        from lambda_studio.workflows.subjects.lookalikes import lookalike_warning
        from lambda_studio.workflows.subjects.masks.marking import Marking
        from lambda_studio.workflows.subjects.masks.segmenting import subject_finder
        from lambda_studio.workflows.subjects.photos.photos import Reading, read_images
        from lambda_studio.workflows.subjects.photos.spool import spool_in
        from lambda_studio.workflows.subjects.versions import embedded

        place, name = self._place, check_name(name)
        if noun is None:
            cause = f"The noun of {name!r} is missing."
            raise NounMissing(cause, "Name the kind of thing, for example: noun=dog")
        library, checked_noun = place.library, check_noun(noun)
        place.require_editor()
        _ = place.spec  # raises for a stack that is not known before anything is stored
        given = one_subject(images)
        find, notes = subject_finder(place, segment, checked_noun), [*given.notes]
        reading = Reading(place.door, place.progress, notes.append, refused=given.refused)
        with spool_in(place.home) as spool:
            marked = Marking(place, segment, checked_noun).given(masks, given.pairs)
            read = read_images(reading, [file for file, _ in given.pairs], marked, find, keep_original)
            new_images = spool.keep(read)

            def store(registry: Registry) -> tuple[AddResult, str | None]:
                return registry.add_concept(library, name, checked_noun, new_images), place.remember_stack(registry)

            result, remembered = place.database.write(store)
            if remembered:
                place.notify(f"Library {library} now uses the stack {remembered}.")
            added = embedded(place, result, new_images)
        compares = added.created and not added.not_encoded and added.copy_of is None
        alike = lookalike_warning(place, added.concept) if compares else ()
        unlearnt = note_unlearnt(checked_noun, place.spec)
        told = (f"{unlearnt} Prompts use the noun.",) if unlearnt else ()
        return replace(added, warnings=(*notes, *added.warnings, *alike, *told))

    def blend(self, name: str, weights: Mapping[str, float], *, noun: str | None = None) -> Added:
        """Store a concept that is the weighted mean of others. It has no pictures, so it cannot be fine-tuned.

        Its embedding by the stack in use is stored. For another stack it is computed from the same versions of the
        others, if the library still has them.

        Args:
            weights: by name; they are divided by their sum. A negative weight leads away from its concept.
            noun: None is the noun of the concept with the largest weight.

        Raises:
            NameInvalid, ConceptNotFound, ConceptExists, InvalidSetting, PicturesLeftOut, and the errors of models.
        """
        from lambda_studio.workflows.subjects.blending import blend

        return blend(self._place, name, weights, noun)

    def edit(self, name: str, changes: Changes | None = None, **fields: Any) -> Added:
        """Write the concept's next version: a new noun, added or dropped images, new masks. Captions alone make none.

        Args:
            fields: the fields of `Changes`, in place of `changes` or over it: `edit("rex", noun="cat")`.

        Raises:
            ConceptChanged: another process changed the concept meanwhile.
            PicturesLeftOut: images are added to a blend.
            ConceptNotFound, ImagesMissing, and the errors of `add`.
        """
        from lambda_studio.workflows.cache.left_out import require_no_blend
        from lambda_studio.workflows.subjects.masks.marking import Marking
        from lambda_studio.workflows.subjects.masks.segmenting import subject_finder
        from lambda_studio.workflows.subjects.photos.spool import spool_in
        from lambda_studio.workflows.subjects.versions import changed_images, revise

        changes = replace(changes or Changes(), **fields)
        changes.require_some(name)
        self._place.require_editor()
        concept = self._place.get_concepts([name])[0]
        if changes.add:
            with self._place.database.reading() as registry:
                require_no_blend(registry, concept)
        noun = changes.noun or concept.noun
        find = subject_finder(self._place, changes.segment, noun)
        marking = Marking(self._place, changes.segment, noun)
        with spool_in(self._place.home) as spool:
            images, notes = changed_images(self._place, concept, changes, find, marking, spool)
            added = revise(self._place, concept, noun, images)
        return replace(added, warnings=(*notes, *added.warnings))

    def page(self, text: str = "", *, after: str = "", limit: int | None = None) -> ConceptPage:
        """Return at most `limit` concepts by name, whose names contain `text` and sort after `after`."""
        require(limit is None or limit >= 1, f"The number of concepts is {limit}.", "Give 1 or more.")
        library = self._place.library
        with self._place.database.reading() as registry:
            return registry.page(library, text, after, limit)

    def show(self, name: str) -> ConceptCard:
        """Return one concept with its images, cached embeddings and adapters. Raises ConceptNotFound."""
        from lambda_studio.workflows.subjects.card import concept_card

        encoders = KnownEncoders(self._place.home).read()
        return concept_card(self._place.database, self._place.library, name, encoders)

    def history(self, name: str) -> Sequence[VersionSummary]:
        """Return the concept's versions, the current one first. Raises ConceptNotFound."""
        library = self._place.library
        with self._place.database.reading() as registry:
            return registry.history(library, name)

    def restore(self, name: str, number: int) -> Added:
        """Write a new version with the noun and images of an earlier one. What is said of them is as in `add`.

        Raises:
            ConceptNotFound, ConceptChanged.
        """
        from lambda_studio.workflows.subjects.photos.spool import spool_in
        from lambda_studio.workflows.subjects.versions import revise, stored_images

        library = self._place.library
        with self._place.database.reading() as registry:
            present = registry.get_concept(library, name)
            wanted = registry.concept_version(library, name, number)
        with spool_in(self._place.home) as spool:
            images = spool.keep(stored_images(self._place.database, wanted))
            return revise(self._place, present, wanted.noun, images, anew=True)

    def similar(self, name: str, count: int = 5) -> Neighbours:
        """Return the visible concepts most similar to this one, nearest first. Raises ConceptNotFound."""
        from lambda_studio.workflows.subjects.lookalikes import neighbours

        require(1 <= count <= 10_000, f"The number of concepts is {count}.", "Give 1 to 10000.")
        place = self._place
        concept = place.get_concepts([name])[0]
        encoder = place.known_encoder or place.embedder.encoder
        found = neighbours(place, concept, encoder, count)
        if found is None:
            place.embedder.subjects([concept])
            found = neighbours(place, concept, place.embedder.encoder, count)
        nearest, not_compared = found or ([], 0)
        return Neighbours(concept.name, place.spec.name, tuple(nearest), not_compared)

    def write_sheet(self, name: str, out: Path) -> Path:
        """Draw the concept's reference images with their masks as overlays. Return the path; no file is overwritten."""
        from lambda_studio.pictures.outputs import write_picture
        from lambda_studio.workflows.subjects.card import mask_sheet

        concept = self._place.get_concepts([name])[0]
        sheet = mask_sheet(self._place.database, concept)
        return write_picture(sheet, {"concept": concept.name}, out, f"{concept.name} masks")

    def write_library_sheet(self, out: Path, concepts: Sequence[ConceptSummary]) -> Path:
        """Draw the reference images of these concepts with their masks, as `write_sheet`. Return the path."""
        from lambda_studio.pictures.outputs import write_picture
        from lambda_studio.workflows.subjects.card import library_sheet

        found = self._place.get_concepts([concept.name for concept in concepts])
        sheet = library_sheet(self._place.database, found)
        return write_picture(sheet, {"library": self._place.library}, out, f"{self._place.library} masks")

    def write_masks(self, name: str, folder: Path) -> MasksWritten:
        """Write the images as they are stored, each with its mask beside it, into a new folder, or none.

        A mask that was edited is given back with `edit(name, masks={1: file})`.

        Raises:
            ConceptNotFound, PicturesLeftOut, ContentDamaged, OutputExists, StorageFailed.
        """
        from lambda_studio.workflows.subjects.masks.files import mask_files, mask_name
        from lambda_studio.workflows.subjects.originals import publish, require_free

        require_free(folder)
        concept = self._place.get_concepts([name])[0]
        size = sum(len(data) for _, data in mask_files(self._place, concept))
        publish(folder, mask_files(self._place, concept), size)
        numbered = enumerate(concept.images, start=1)
        return MasksWritten(
            concept.name, folder, tuple(mask_name(number, each.source_name) for number, each in numbered)
        )

    def write_originals(self, name: str, folder: Path) -> GivenBack:
        """Write all kept original files of a concept, byte for byte, into a new folder, or none.

        Raises:
            InvalidSetting: no original was kept.
            ConceptNotFound, ContentDamaged, OutputExists, StorageFailed: as named.
        """
        from lambda_studio.workflows.subjects.originals import kept_files, publish, require_free

        require_free(folder)
        concept = self._place.get_concepts([name])[0]
        files = kept_files(self._place, concept)
        publish(folder, files.items(), sum(map(len, files.values())))
        shas = tuple(image.original_sha for image in concept.images if image.original_sha)
        return GivenBack(concept.name, folder, tuple(files), shas)

    def rename(self, name: str, new_name: str) -> ConceptRecord:
        """Give a concept another name; its adapters still know it. Raises ConceptExists, NameInvalid."""
        library = self._place.library
        return self._place.database.write(lambda registry: registry.rename_concept(library, name, new_name))

    def copy(self, name: str, target: str, new_name: str | None = None) -> AddResult:
        """Add the concept to another library too. Its bytes are stored once. Raises ConceptExists, NotPermitted."""
        library = self._place.library
        return self._place.database.write(lambda registry: registry.copy_concept(library, name, target, new_name))

    def remove(self, name: str) -> Removed:
        """Hide a concept and free its name; its content stays. Raises ConceptNotFound, NotPermitted."""
        library = self._place.library
        gone = self._place.database.write(lambda registry: registry.remove_concept(library, name))
        return Removed(gone.concept.name, gone.concept.id, tuple(adapter.id for adapter in gone.adapters))

    def bring_back(self, name: str, concept_id: int | None = None, new_name: str | None = None) -> ConceptRecord:
        """Restore the concept removed last under this name, or the one with the id `concept_id`.

        Raises:
            ConceptExists, ConceptNotFound.
        """
        library = self._place.library
        return self._place.database.write(
            lambda registry: registry.restore_concept(library, name, concept_id, new_name)
        )

    def forget(self, name: str, concept_id: int | None, agree: Callable[[ConceptSummary], None]) -> Forgotten:
        """Delete a concept, in use or removed, with its unshared content. `agree` raises to stop it.

        Raises:
            RunInUse: the concept is being trained on. Nothing was deleted.
            FilesLeft: it is forgotten, and checkpoints of its runs could not be deleted.
            ConceptNotFound, ConceptAmbiguous, NotPermitted: as named.
        """
        from lambda_studio.workflows.subjects.forgetting import forget

        return forget(self._place, name, concept_id, agree)

    def list(self, *, removed: bool = False) -> list[ConceptSummary]:
        """Return the library's concepts by name, or its removed concepts."""
        return self._place.removed_concepts() if removed else self._place.concepts()
