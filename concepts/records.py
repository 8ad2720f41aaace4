"""Plain, frozen values: the registry's inputs and results."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from concepts.printable import printable


def sha256(content: bytes) -> str:
    """Return the SHA-256 of the bytes as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class NewImage:
    """A checked reference image to store. Its bytes are hashed here, outside any transaction."""

    data: bytes
    """The normalised working copy, as PNG."""
    mask: bytes | None
    """PNG of the same size, white = subject. None: the whole image is the subject."""
    width: int
    height: int
    source_name: str
    warnings: tuple[str, ...] = ()
    original: bytes | None = None
    """The original file with its metadata, if it is to be stored."""
    caption: str | None = None
    """What its caption says, on one line. None leaves a stored caption, an empty text removes it. It is no part of the
    manifest."""
    sha: str = field(init=False)
    mask_sha: str | None = field(init=False)
    original_sha: str | None = field(init=False)

    def __post_init__(self) -> None:
        # A file name may hold anything, also bytes that are not Unicode.
        object.__setattr__(self, "source_name", printable(self.source_name))
        object.__setattr__(self, "warnings", tuple(map(printable, self.warnings)))
        object.__setattr__(self, "caption", None if self.caption is None else printable(self.caption))
        object.__setattr__(self, "sha", sha256(self.data))
        object.__setattr__(self, "mask_sha", None if self.mask is None else sha256(self.mask))
        object.__setattr__(self, "original_sha", None if self.original is None else sha256(self.original))


def manifest(noun: str, images: "Sequence[NewImage] | Sequence[ImageRecord]") -> str:
    """Return the SHA-256 of the noun and the ordered hashes of images and masks. It identifies a version's content."""
    content = {"format": 1, "noun": noun, "images": [[image.sha, image.mask_sha] for image in images]}
    return sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode())


@dataclass(frozen=True)
class SamePicture:
    """A picture, by its hash, that another concept has as the image of this number, from 1."""

    sha: str
    concept: str
    number: int


@dataclass(frozen=True)
class LibraryRecord:
    """A library. `current` is true for the library used if a command names none."""

    id: int
    name: str
    owner: str
    address: str
    """The user's name for the library: NAME, or OWNER/NAME for another owner's library."""
    role: str
    """The user's role: `reader`, `editor` or `owner`."""
    stack: str | None
    current: bool
    concept_count: int
    created_at: datetime


@dataclass(frozen=True)
class MemberRecord:
    """A user who can see a library, with a role: `reader`, `editor` or `owner`."""

    user: str
    role: str


@dataclass(frozen=True)
class RemovedLibrary:
    """A deleted library and its contents. `unused_files` are the adapter files that no other library uses."""

    library: LibraryRecord
    concepts: tuple[str, ...]
    removed_concepts: tuple[str, ...]
    adapters: tuple[int, ...]
    runs: tuple[int, ...]
    unused_files: tuple[str, ...]


@dataclass(frozen=True)
class ImageRecord:
    """A reference image of a version. `Registry.blob` reads `sha`, `mask_sha` and `original_sha`."""

    sha: str
    mask_sha: str | None
    width: int
    height: int
    source_name: str
    warnings: tuple[str, ...]
    original_sha: str | None = None
    caption: str | None = None


@dataclass(frozen=True)
class ConceptSummary:
    """A concept in a list."""

    id: int
    library: str
    name: str
    noun: str
    version: int
    version_id: int
    manifest: str
    image_count: int
    created_at: datetime
    removed_at: datetime | None = None
    picture_count: int = 0
    """The images without notes in place of pictures, which blends and some imported concepts have."""


@dataclass(frozen=True)
class ConceptPage:
    """A page of concepts, by name. `more`: matching concepts follow after the last one."""

    concepts: tuple[ConceptSummary, ...]
    more: bool


@dataclass(frozen=True)
class CatalogueEntry:
    """A concept of any library that the user can see. `library` is the user's address for it."""

    id: int
    name: str
    library: str
    noun: str


@dataclass(frozen=True)
class SeenImage:
    """An encoder's output for one image of a concept's current version."""

    concept_id: int
    data: bytes
    dtype: str


@dataclass(frozen=True)
class ConceptRecord:
    """A concept in one version. `version` counts from 1; runs and adapters refer to `version_id`."""

    id: int
    library: str
    name: str
    noun: str
    version: int
    version_id: int
    manifest: str
    created_at: datetime
    images: tuple[ImageRecord, ...]
    changed_at: datetime | None = None
    """The time of the version. `created_at` is the concept's."""

    @property
    def picture_count(self) -> int:
        """As `ConceptSummary.picture_count`."""
        return sum((image.width, image.height) != (1, 1) for image in self.images)


@dataclass(frozen=True)
class VersionSummary:
    """One version of a concept, and the adapters that were trained on it."""

    number: int
    version_id: int
    noun: str
    manifest: str
    image_count: int
    created_at: datetime
    adapters: tuple[int, ...]
    picture_count: int = 0
    """As `ConceptSummary.picture_count`."""


@dataclass(frozen=True)
class AddResult:
    """A stored concept. `created` is False if the library already had the same content."""

    concept: ConceptRecord
    created: bool


@dataclass(frozen=True)
class SeenConcept:
    """A version that a run or an adapter was trained on, and the concept's state now."""

    name: str
    """The concept's current name; if the concept is gone, its name at training."""
    version: int
    version_id: int | None
    manifest: str
    stale: bool
    """The concept is in the library, with other content."""
    removed: bool
    """No concept in the library has this name or content."""
    forgotten: bool = False
    """The concept was removed, and its images were deleted for good."""

    @property
    def gone(self) -> str | None:
        """`removed` or `forgotten`, or None for a concept that is in the library."""
        return ("forgotten" if self.forgotten else "removed") if self.removed else None


@dataclass(frozen=True)
class AdapterRecord:
    """An adapter from fine-tuning. `stale`: at least one of its concepts has changed since."""

    id: int
    library: str
    sha256: str
    file_name: str
    method: str
    stack: str
    settings: dict[str, Any]
    created_at: datetime
    run_id: int | None
    concepts: tuple[SeenConcept, ...]

    @property
    def stale(self) -> bool:
        return any(seen.stale for seen in self.concepts)

    @property
    def name(self) -> str | None:
        """Its name in the library, or None."""
        return self.settings.get("name") or None

    def knows(self, manifests: Sequence[str]) -> bool:
        """Return whether the adapter was trained on the exact content of all these manifests."""
        return set(manifests) <= {seen.manifest for seen in self.concepts}


@dataclass(frozen=True)
class RemovedConcept:
    """A hidden concept, and the adapters that were trained on it. The adapters stay and can still draw the concept."""

    concept: ConceptSummary
    adapters: tuple[AdapterRecord, ...]


@dataclass(frozen=True)
class DeletedBytes:
    """Deleted blobs: from SHA-256 to size."""

    sizes: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.sizes.values())


@dataclass(frozen=True)
class ForgottenConcept:
    """A deleted concept and its deleted blobs. The adapters that were trained on it stay."""

    concept: ConceptSummary
    adapters: tuple[AdapterRecord, ...]
    deleted: DeletedBytes
    kept: tuple[str, ...]
    """SHA-256 of its images, masks and originals that other concepts also use."""
    runs: tuple[int, ...] = ()
    """Runs on the concept. Their checkpoints may be deleted after the commit."""
    failed_runs: tuple[int, ...] = ()
    """Those of `runs` that were unfinished, and failed because the concept was forgotten."""
    manifests: tuple[str, ...] = ()
    """The manifests of its versions, by which files that saw it are found."""


@dataclass(frozen=True)
class RemovedAdapter:
    """A removed adapter. `file_unused`: no other library uses the file; the caller may delete it after the commit."""

    adapter: AdapterRecord
    file_unused: bool


FORGOTTEN = "was forgotten."
"""The end of `RunRecord.why` if a concept of the run was forgotten."""


@dataclass(frozen=True)
class RunRecord:
    """One training run. `why` is the reason of a failure."""

    id: int
    library: str
    kind: str
    status: str
    """`running`, `finished` or `failed`."""
    settings: dict[str, Any]
    why: str | None
    adapter_id: int | None
    started_at: datetime
    ended_at: datetime | None
    concepts: tuple[SeenConcept, ...]


@dataclass(frozen=True)
class FeatureRecord:
    """A cached result of a frozen encoder: raw bytes with their shape and dtype."""

    key: str
    kind: str
    data: bytes
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class DatabaseState:
    """A database's schema revision and size."""

    path: Path | str
    """The file, or the name of a server's database."""
    revision: str
    newest: str
    size: int


@dataclass(frozen=True)
class DatabaseFault:
    """A fault in the database. `derived`: it affects only a cached value that can be recomputed."""

    said: str
    derived: bool = False
