"""Images on their way into the registry: on the disk and not in memory, however many there are."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, overload

from concepts.records import NewImage

IN_MEMORY = 64 * 2**20
"""Bytes that a spool keeps in memory before it uses the disk."""
Place = tuple[int, int]
"""The offset and the length of bytes in a spool."""
Pair = tuple[str, str | None]
"""The hashes of an image and its mask."""


@dataclass(frozen=True)
class _Kept:
    image: NewImage
    """The image without its bytes."""
    pair: Pair
    data: Place
    mask: Place | None
    original: Place | None


class Spool:
    """Holds images in a file without a name until they are stored. A killed process leaves nothing."""

    def __init__(self, file: IO[bytes]):
        self.file, self.size = file, 0

    def keep(self, images: Iterable[NewImage]) -> "SpooledImages":
        """Write the images, one after the other, and return them as a sequence that reads each again when asked."""
        return SpooledImages(self, tuple(map(self._kept, images)))

    def read(self, kept: _Kept) -> NewImage:
        """Return an image with its bytes."""
        mask, original = (None if place is None else self._get(place) for place in (kept.mask, kept.original))
        return replace(kept.image, data=self._get(kept.data), mask=mask, original=original)

    def _kept(self, image: NewImage) -> _Kept:
        mask, original = (None if data is None else self._put(data) for data in (image.mask, image.original))
        bare = replace(image, data=b"", mask=None, original=None)
        return _Kept(bare, (image.sha, image.mask_sha), self._put(image.data), mask, original)

    def _put(self, data: bytes) -> Place:
        self.file.seek(self.size)
        self.file.write(data)
        self.size += len(data)
        return self.size - len(data), len(data)

    def _get(self, place: Place) -> bytes:
        self.file.seek(place[0])
        return self.file.read(place[1])


@contextmanager
def spool_in(folder: Path) -> Iterator[Spool]:
    """Yield a spool that uses the folder's disk once it holds more than IN_MEMORY."""
    with tempfile.SpooledTemporaryFile(IN_MEMORY, dir=str(folder)) as file:
        yield Spool(file)


class SpooledImages(Sequence[NewImage]):
    """Images of one spool. Each is read when it is asked for, so that only one needs to be in memory."""

    def __init__(self, spool: Spool, kept: tuple[_Kept, ...]):
        self._spool, self._kept = spool, kept

    def __len__(self) -> int:
        return len(self._kept)

    @overload
    def __getitem__(self, at: int) -> NewImage: ...
    @overload
    def __getitem__(self, at: slice) -> "SpooledImages": ...
    def __getitem__(self, at: int | slice) -> "NewImage | SpooledImages":
        return SpooledImages(self._spool, self._kept[at]) if isinstance(at, slice) else self._spool.read(self._kept[at])

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The hashes of each image and its mask, without reading it."""
        return tuple(each.pair for each in self._kept)

    def joined(self, new: "SpooledImages") -> "SpooledImages":
        """Return these images and the new photos among the others. Missing originals, and captions, come from `new`."""
        originals = {each.pair[0]: each.original for each in new._kept if each.original}
        captions = {each.pair[0]: each.image.caption for each in new._kept if each.image.caption}
        had = [
            replace(
                each,
                original=each.original or originals.get(each.pair[0]),
                image=replace(each.image, caption=captions.get(each.pair[0], each.image.caption)),
            )
            for each in self._kept
        ]
        photos = {each.pair[0] for each in self._kept}
        return SpooledImages(self._spool, (*had, *(each for each in new._kept if each.pair[0] not in photos)))

    def captioned(self, texts: Mapping[str, str]) -> "SpooledImages":
        """Return these images with other captions, by the hashes of the pictures."""
        kept = (
            replace(each, image=replace(each.image, caption=texts.get(each.pair[0], each.image.caption)))
            for each in self._kept
        )
        return SpooledImages(self._spool, tuple(kept))
