"""Read a folder of pictures: each is opened through the picture door, and its subject is found."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO

from concepts.errors import ConceptError
from concepts.names import check_name, check_noun, name_key
from concepts.records import NewImage, manifest
from lambda_studio.bundles.archive import told
from lambda_studio.bundles.folders import FoundConcept, find_concepts
from lambda_studio.errors import BundleRefused, ImageRefused, MaskRefused
from lambda_studio.pictures.masks import find_subject
from lambda_studio.workflows.bundles.incoming import Incoming
from lambda_studio.workflows.subjects.photos import read_images
from lambda_studio.workflows.workplace import Workplace


@contextmanager
def open_folder(place: Workplace, source: Path) -> Iterator[tuple[list[Incoming], int, None]]:
    """Yield the concepts of a folder after reading every picture, and their size in bytes. Raises BundleRefused.

    The third value is None: a folder has no signature.
    """
    found = find_concepts(source)
    faults = _name_faults(found)
    with tempfile.TemporaryFile(dir=place.home) as file:
        spool = Spool(file)
        incoming = []
        for concept in found:
            try:
                images = read_images(place.door, concept.pictures, (), find_subject, place.progress)
            except (ImageRefused, MaskRefused) as error:
                faults.append(error.cause)
                continue
            incoming.append(_incoming(concept, images, spool))
        if faults:
            remedy = "Nothing was imported. Correct or remove these files, then import again."
            raise BundleRefused(told(source, faults), remedy)
        yield incoming, spool.size, None


class Spool:
    """Holds images on the disk until they are stored, so that a folder of pictures need not fit into memory."""

    def __init__(self, file: IO[bytes]):
        self.file, self.size = file, 0

    def keep(self, images: Sequence[NewImage]) -> Callable[[], list[NewImage]]:
        """Write the images to the file and return a function that reads them again."""
        places = [
            (self._put(image.data), self._put(image.mask), replace(image, data=b"", mask=None)) for image in images
        ]
        return lambda: [
            replace(image, data=self._get(data) or b"", mask=self._get(mask)) for data, mask, image in places
        ]

    def _put(self, data: bytes | None) -> tuple[int, int] | None:
        if data is None:
            return None
        self.file.seek(self.size)
        self.file.write(data)
        self.size += len(data)
        return self.size - len(data), len(data)

    def _get(self, place: tuple[int, int] | None) -> bytes | None:
        if place is None:
            return None
        self.file.seek(place[0])
        return self.file.read(place[1])


def _incoming(concept: FoundConcept, images: Sequence[NewImage], spool: Spool) -> Incoming:
    notes = (*concept.notes, *(f"{image.source_name}: {text}" for image in images for text in image.warnings))
    return Incoming(concept.name, concept.noun, manifest(concept.noun, images), spool.keep(images), notes=notes)


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
