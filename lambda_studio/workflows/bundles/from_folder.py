"""Read a folder of pictures: each is opened through the picture door, and its subject is found."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from concepts.errors import ConceptError
from concepts.names import check_name, check_noun, name_key
from concepts.records import manifest
from lambda_studio.bundles.archive import told
from lambda_studio.bundles.folders import FoundConcept, find_concepts
from lambda_studio.errors import BundleRefused, ImageRefused, MaskRefused
from lambda_studio.workflows.bundles.incoming import Incoming
from lambda_studio.workflows.subjects.photos import read_images
from lambda_studio.workflows.subjects.segmenting import subject_finder
from lambda_studio.workflows.subjects.spool import SpooledImages, spool_in
from lambda_studio.workflows.workplace import Workplace


@contextmanager
def open_folder(place: Workplace, source: Path) -> Iterator[tuple[list[Incoming], int, None]]:
    """Yield the concepts of a folder after reading every picture, and their size in bytes. Raises BundleRefused.

    The third value is None: a folder has no signature.
    """
    found = find_concepts(source)
    faults = _name_faults(found)
    with spool_in(place.home) as spool:
        incoming = []
        for concept in found:
            try:
                find = subject_finder(place, "auto", concept.noun)
                images = spool.keep(read_images(place.door, concept.pictures, (), find, place.progress))
            except (ImageRefused, MaskRefused) as error:
                faults.append(error.cause)
                continue
            incoming.append(_incoming(concept, images))
        if faults:
            remedy = "Nothing was imported. Correct or remove these files, then import again."
            raise BundleRefused(told(source, faults), remedy)
        yield incoming, spool.size, None


def _incoming(concept: FoundConcept, images: SpooledImages) -> Incoming:
    notes = (*concept.notes, *(f"{image.source_name}: {text}" for image in images for text in image.warnings))
    return Incoming(concept.name, concept.noun, manifest(concept.noun, images), lambda: images, notes=notes)


def _name_faults(found: Sequence[FoundConcept]) -> list[str]:
    faults, seen = [], set()
    for concept in found:
        folder = concept.pictures[0].parent
        try:
            check_name(concept.name)
            check_noun(concept.noun)
        except ConceptError as error:
            faults.append(f"{folder}: {error.cause}")
        if (key := name_key(concept.name)) in seen:
            faults.append(f"{folder}: another folder also gives the name {concept.name!r}")
        seen.add(key)
    return faults
