"""The images of a concept in a bundle, each read from the file when it is asked for."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import overload

from concepts.records import ImageRecord, NewImage, sha256
from lambda_studio.bundles.archive import Archive
from lambda_studio.bundles.contents import BundleImage
from lambda_studio.bundles.given import GivenView, Note, read_note


class BundleImages(Sequence[NewImage]):
    """A concept's images. Only one needs to be in memory, however many the manifest lists."""

    def __init__(self, archive: Archive, images: Sequence[BundleImage]):
        self._archive, self._images = archive, images

    def __len__(self) -> int:
        return len(self._images)

    @overload
    def __getitem__(self, at: int) -> NewImage: ...
    @overload
    def __getitem__(self, at: slice) -> "BundleImages": ...
    def __getitem__(self, at: int | slice) -> "NewImage | BundleImages":
        if isinstance(at, slice):
            return BundleImages(self._archive, self._images[at])
        return _read(self._archive, self._images[at])

    def records(self) -> Iterator[ImageRecord]:
        """Yield the images as they will be stored. Only notes are read."""
        for image in self._images:
            sha = sha256(note_of(self._archive, image).encoded()) if image.is_note else image.sha256
            size, name = (image.width, image.height), image.source_name
            yield ImageRecord(sha, image.mask, *size, name, image.warnings, caption=image.caption)


def note_of(archive: Archive, image: BundleImage) -> Note:
    """Return the note with its embeddings. In a bundle of version 1 the embeddings are separate objects."""
    note = read_note(archive.read(image.sha256))
    views = tuple(
        GivenView(encoder=view.encoder, preprocessing=view.preprocessing, data=archive.read(view.sha256))
        for view in image.embeddings
    )
    return replace(note, views=note.views or views)


def _read(archive: Archive, image: BundleImage) -> NewImage:
    mask = archive.read(image.mask) if image.mask else None
    data = note_of(archive, image).encoded() if image.is_note else archive.read(image.sha256)
    size, name = (image.width, image.height), image.source_name
    return NewImage(data, mask, *size, name, image.warnings, caption=image.caption)
