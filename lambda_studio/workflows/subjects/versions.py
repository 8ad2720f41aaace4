"""A subject is added, or gets another version: from files to a version in the registry that CLIP has seen."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from concepts.errors import NounMissing
from concepts.names import check_name, check_noun
from concepts.records import AddResult, ConceptRecord, NewImage
from concepts.registry import Registry
from lambda_studio.config import require
from lambda_studio.workflows.answers import Added
from lambda_studio.workflows.subjects.editing import edited_images, stored_images
from lambda_studio.workflows.subjects.lookalikes import lookalike_warning
from lambda_studio.workflows.subjects.photos import read_images
from lambda_studio.workflows.subjects.segmenting import subject_finder
from lambda_studio.workflows.workplace import Workplace


class ConceptWriter:
    """Writes versions of concepts. Models that are missing are missed before anything is stored."""

    def __init__(self, workplace: Workplace):
        self.workplace = workplace

    def add(
        self,
        name: str,
        images: Sequence[Path],
        noun: str | None,
        masks: Sequence[Path],
        segment: str,
        keep_original: bool,
    ) -> Added:
        """As `Studio.add_concept`."""
        place, name = self.workplace, check_name(name)
        if noun is None:
            cause = f"The noun of {name!r} is missing."
            raise NounMissing(cause, "Say what kind of thing it is, for example: --noun dog")
        library, noun = place.library, check_noun(noun)
        place.require_editor()
        find = subject_finder(place, segment, noun)
        new_images = read_images(place.door, images, masks, find, place.progress, keep_original)
        _ = place.embedder.encoder

        def store(registry: Registry) -> tuple[AddResult, str | None]:
            return registry.add_concept(library, name, noun, new_images), place.remember_stack(registry)

        result, remembered = place.database.write(store)
        if remembered:
            place.notify(f"Library {library} now works with {remembered}.")
        added = self._embedded(result, new_images)
        alike = lookalike_warning(place, added.concept) if added.created else ()
        return replace(added, warnings=(*added.warnings, *alike))

    def edit(
        self,
        name: str,
        noun: str | None,
        add: Sequence[Path],
        drop: Sequence[int],
        masks: Mapping[int, Path],
        segment: str,
        keep_original: bool,
    ) -> Added:
        """As `Studio.edit`."""
        cause = f"Nothing to change about {name} was given."
        require(bool(noun or add or drop or masks), cause, "Give --noun, --add, --drop or --mask.")
        require(bool(add or not keep_original), "There is no file to keep the original of.", "Give --add IMAGE.")
        place = self.workplace
        place.require_editor()
        concept = place.get_concepts([name])[0]
        find = subject_finder(place, segment, noun or concept.noun)
        images = edited_images(
            place.door, place.database, concept, add, drop, masks, find, place.progress, keep_original
        )
        return self._revise(concept, noun or concept.noun, images)

    def restore(self, name: str, number: int) -> Added:
        """As `Studio.restore`."""
        place, library = self.workplace, self.workplace.library
        with place.database.reading() as registry:
            present = registry.get_concept(library, name)
            wanted = registry.concept_version(library, name, number)
        return self._revise(present, wanted.noun, stored_images(place.database, wanted))

    def _revise(self, concept: ConceptRecord, noun: str, images: Sequence[NewImage]) -> Added:
        place = self.workplace
        _ = place.embedder.encoder
        library, expected = place.library, concept.version
        result = place.database.write(
            lambda registry: registry.revise_concept(library, concept.name, noun, images, expected)
        )
        had = {image.sha for image in concept.images}
        return self._embedded(result, [image for image in images if image.sha not in had])

    def _embedded(self, result: AddResult, new_images: Sequence[NewImage]) -> Added:
        """Cache CLIP's view of a concept that was just written."""
        embedder = self.workplace.embedder
        _, encoded = embedder.subjects([result.concept])
        embedder.zero()
        return Added(
            concept=result.concept,
            created=result.created,
            stack=self.workplace.spec.name,
            encoded=encoded,
            cached=len(result.concept.images) - encoded,
            warnings=tuple(f"{image.source_name}: {text}" for image in new_images for text in image.warnings),
        )
