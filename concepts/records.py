"""Plain, frozen values: all that crosses the registry's border."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any


def sha256(content: bytes) -> str:
    """The name that bytes go by: 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class NewImage:
    """A checked reference image on its way in; its bytes are hashed here, outside any transaction."""

    data: bytes
    """The normalised working copy, as PNG."""
    mask: bytes | None
    """PNG of the same size, white = subject; None: all of the image is the subject."""
    width: int
    height: int
    source_name: str
    warnings: tuple[str, ...] = ()
    original: bytes | None = None
    """The file as it was given, metadata and all, where it is to be kept."""
    sha: str = field(init=False)
    mask_sha: str | None = field(init=False)
    original_sha: str | None = field(init=False)

    def __post_init__(self) -> None:
        readable = self.source_name.encode(errors="backslashreplace").decode()  # file names need not be Unicode
        object.__setattr__(self, "source_name", readable)
        object.__setattr__(self, "sha", sha256(self.data))
        object.__setattr__(self, "mask_sha", None if self.mask is None else sha256(self.mask))
        object.__setattr__(self, "original_sha", None if self.original is None else sha256(self.original))


def manifest(noun: str, images: "Sequence[NewImage] | Sequence[ImageRecord]") -> str:
    """SHA-256 over the noun and the ordered hashes of images and masks: what makes two versions the same."""
    content = {"format": 1, "noun": noun, "images": [[image.sha, image.mask_sha] for image in images]}
    return sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode())


@dataclass(frozen=True)
class LibraryRecord:
    """A library. `current` is true for the one that is used when none is named."""

    id: int
    name: str
    owner: str
    address: str
    """What this user names it by: the name, or OWNER/NAME where it is another's."""
    role: str
    """What this user is in it: `reader`, `editor` or `owner`."""
    stack: str | None
    current: bool
    concept_count: int
    created_at: datetime


@dataclass(frozen=True)
class MemberRecord:
    """A user who may see a library, as `reader`, `editor` or `owner`."""

    user: str
    role: str


@dataclass(frozen=True)
class RemovedLibrary:
    """What went with a library. `unused_files`: adapters' files that no other library has."""

    library: LibraryRecord
    concepts: tuple[str, ...]
    removed_concepts: tuple[str, ...]
    adapters: tuple[int, ...]
    runs: tuple[int, ...]
    unused_files: tuple[str, ...]


@dataclass(frozen=True)
class ImageRecord:
    """A reference image of a version. `sha`, `mask_sha` and `original_sha` are read with `Registry.blob`."""

    sha: str
    mask_sha: str | None
    width: int
    height: int
    source_name: str
    warnings: tuple[str, ...]
    original_sha: str | None = None


@dataclass(frozen=True)
class ConceptSummary:
    """A concept as a list shows it."""

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


@dataclass(frozen=True)
class ConceptPage:
    """Some concepts by name, and whether there are more of those that were asked for after the last one."""

    concepts: tuple[ConceptSummary, ...]
    more: bool


@dataclass(frozen=True)
class CatalogueEntry:
    """A concept of any library that the user may see, as the user names it."""

    id: int
    name: str
    library: str
    noun: str


@dataclass(frozen=True)
class SeenImage:
    """What an encoder gave for one image of a concept's present version."""

    concept_id: int
    data: bytes
    dtype: str


@dataclass(frozen=True)
class ConceptRecord:
    """A concept in its present version. `version` counts from 1; `version_id` is what runs and adapters point at."""

    id: int
    library: str
    name: str
    noun: str
    version: int
    version_id: int
    manifest: str
    created_at: datetime
    images: tuple[ImageRecord, ...]


@dataclass(frozen=True)
class VersionSummary:
    """One version of a concept, and the adapters that saw it."""

    number: int
    version_id: int
    noun: str
    manifest: str
    image_count: int
    created_at: datetime
    adapters: tuple[int, ...]


@dataclass(frozen=True)
class AddResult:
    """`created` is False where the library held exactly this already."""

    concept: ConceptRecord
    created: bool


@dataclass(frozen=True)
class SeenConcept:
    """A version that a run or an adapter saw, and what became of it since."""

    name: str
    """The concept's present name; where it is gone, the name it had."""
    version: int
    version_id: int | None
    manifest: str
    stale: bool
    """The concept is there, with other content than was seen."""
    removed: bool
    """No concept of that name or content is there any more."""
    forgotten: bool = False
    """Removed, and its images were deleted for good."""


@dataclass(frozen=True)
class AdapterRecord:
    """What fine-tuning made. `stale`: at least one concept has changed since."""

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

    def knows(self, manifests: Sequence[str]) -> bool:
        """Whether it saw exactly the content of every one of these manifests."""
        return set(manifests) <= {seen.manifest for seen in self.concepts}


@dataclass(frozen=True)
class RemovedConcept:
    """What was removed, to be restored or forgotten, and the adapters that saw it: they stay, and know its likeness."""

    concept: ConceptSummary
    adapters: tuple[AdapterRecord, ...]


@dataclass(frozen=True)
class DeletedBytes:
    """Content that was deleted for good: the hash and size of each."""

    sizes: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.sizes.values())


@dataclass(frozen=True)
class ForgottenConcept:
    """What was deleted for good, and what stays: adapters that saw it, and content that other concepts use."""

    concept: ConceptSummary
    adapters: tuple[AdapterRecord, ...]
    deleted: DeletedBytes
    kept: tuple[str, ...]
    """SHA-256 of its images, masks and originals that other concepts have too."""


@dataclass(frozen=True)
class RemovedAdapter:
    """`file_unused`: no other library has this file, so it may be deleted once the transaction has ended."""

    adapter: AdapterRecord
    file_unused: bool


@dataclass(frozen=True)
class RunRecord:
    """One training. `why` says why it failed."""

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
    """A cached result of a frozen encoder: raw bytes with the shape and dtype they have."""

    key: str
    kind: str
    data: bytes
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class DatabaseState:
    """What a database is, before and after something was done with it."""

    path: Path | str
    """The file, or what a server's database is called."""
    revision: str
    newest: str
    size: int


@dataclass(frozen=True)
class DatabaseFault:
    """Something that is not as it should be. `derived`: only a cached value is concerned, which can be made again."""

    said: str
    derived: bool = False
