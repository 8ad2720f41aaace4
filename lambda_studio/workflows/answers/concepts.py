"""Answers about concepts: what was added, is known, was removed or forgotten, and what is similar."""

from dataclasses import dataclass
from pathlib import Path

from concepts.records import ConceptRecord


@dataclass(frozen=True)
class Added:
    """A concept of the library. `created` is False if the library already had the same content.

    Of `looked_at` new images, the `doubtful` ones have masks that may be wrong.
    """

    concept: ConceptRecord
    created: bool
    stack: str
    encoded: int
    cached: int
    warnings: tuple[str, ...]
    doubtful: tuple[str, ...] = ()
    looked_at: int = 0
    not_encoded: str | None = None
    """Why its images have no embeddings yet. They are made when they are first needed."""
    new_images: tuple[int, ...] = ()
    """The numbers of the images that are new, or have a new mask."""
    doubtful_images: tuple[int, ...] = ()
    """The numbers of those among them whose masks may be wrong."""
    copy_of: str | None = None
    """The concept that has all of its pictures, or all but near-duplicates of these."""


@dataclass(frozen=True)
class ImageCard:
    """A reference image in `ConceptCard`. `mask` says in words how much of it is the subject."""

    source_name: str
    width: int
    height: int
    mask: str
    warnings: tuple[str, ...]
    sha: str
    mask_sha: str | None
    original_sha: str | None
    """SHA-256 of the original file, if it was stored."""
    left_out: bool = False
    """It is a note in place of pictures that were not imported."""
    doubtful: bool = False
    """Its mask may be wrong."""
    caption: str | None = None


@dataclass(frozen=True)
class GivenBack:
    """Originals written into a folder: their file names there and their SHA-256, image by image."""

    name: str
    folder: Path
    files: tuple[str, ...]
    shas: tuple[str, ...]


@dataclass(frozen=True)
class MasksWritten:
    """The images of a concept and their masks, written into a folder. `masks` are the file names, image by image."""

    name: str
    folder: Path
    masks: tuple[str, ...]


@dataclass(frozen=True)
class KnownBy:
    """An adapter that was trained on a concept, and the concept's version then."""

    id: int
    method: str
    stack: str
    version: int
    stale: bool


@dataclass(frozen=True)
class BlendedPart:
    """What a blend was made of, and its weight. `version` None: it is removed, forgotten, or in another library."""

    name: str
    weight: float
    manifest: str
    version: int | None


@dataclass(frozen=True)
class ConceptCard:
    """A concept with its images and adapters. `embeddings` counts cached images by stack."""

    concept: ConceptRecord
    images: tuple[ImageCard, ...]
    embeddings: dict[str, int]
    adapters: tuple[KnownBy, ...]
    blend: "tuple[BlendedPart, ...]" = ()
    """What a blend was made of."""

    @property
    def has_pictures(self) -> bool:
        """Whether the concept came with its pictures."""
        return not any(image.left_out for image in self.images)


@dataclass(frozen=True)
class Removed:
    """A hidden concept, and the adapters that were trained on it. The adapters stay."""

    name: str
    id: int
    adapters: tuple[int, ...]


@dataclass(frozen=True)
class Forgotten:
    """A concept that was deleted for good. `deleted` is the SHA-256 of each deleted object."""

    name: str
    id: int
    adapters: tuple[int, ...]
    """Adapters that were trained on it. They stay and can still draw it."""
    deleted: tuple[str, ...]
    bytes: int
    kept: tuple[str, ...]
    """SHA-256 of its images, masks and originals that another concept also uses."""
    backups: tuple[Path, ...]
    """Copies of the registry made before upgrades. They may still contain the concept."""
    runs: tuple[int, ...] = ()
    """Runs on it whose checkpoints were deleted."""
    elsewhere: tuple[int, ...] = ()
    """Unfinished runs on it that have no files in this home. They were made in another one."""
    files: tuple[Path, ...] = ()
    """Adapter files that were trained on it and belong to no adapter, for example after a kill. They stay."""
    blends: tuple[str, ...] = ()
    """Blends that it is a part of. They stay, and their embeddings too."""


@dataclass(frozen=True)
class Neighbour:
    """A similar concept. `similarity` is the cosine of the two mean CLIP embeddings."""

    name: str
    library: str
    noun: str
    similarity: float


@dataclass(frozen=True)
class Neighbours:
    """The concepts nearest to one, by a stack's CLIP. `not_compared` counts concepts without its embeddings."""

    name: str
    stack: str
    nearest: tuple[Neighbour, ...]
    not_compared: int
