"""What the studio answers: plain values, ready to print or to turn into JSON."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from concepts.records import AdapterRecord, ConceptRecord


@dataclass(frozen=True)
class Added:
    """A concept that is now in the library. `created` is False where it was there with the same content."""

    concept: ConceptRecord
    created: bool
    stack: str
    encoded: int
    cached: int
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class ImageCard:
    """A reference image as `show` tells it; `mask` says in words how much of it is the subject."""

    source_name: str
    width: int
    height: int
    mask: str
    warnings: tuple[str, ...]
    sha: str
    mask_sha: str | None
    original_sha: str | None
    """Of the file as it was given, where it was kept."""


@dataclass(frozen=True)
class GivenBack:
    """Originals that were written into a folder: their files' names there and their SHA-256, image by image."""

    name: str
    folder: Path
    files: tuple[str, ...]
    shas: tuple[str, ...]


@dataclass(frozen=True)
class KnownBy:
    """An adapter that saw a concept, and in which version."""

    id: int
    method: str
    stack: str
    version: int
    stale: bool


@dataclass(frozen=True)
class ConceptCard:
    """Everything about a concept. `embeddings` counts cached images by stack."""

    concept: ConceptRecord
    images: tuple[ImageCard, ...]
    embeddings: dict[str, int]
    adapters: tuple[KnownBy, ...]


@dataclass(frozen=True)
class Removed:
    """A concept that is hidden until it is restored or forgotten, and the adapters that saw it and stay."""

    name: str
    id: int
    adapters: tuple[int, ...]


@dataclass(frozen=True)
class Forgotten:
    """A concept that is gone for good, the SHA-256 of all that was deleted with it, and what stays."""

    name: str
    id: int
    adapters: tuple[int, ...]
    """They saw it, and still hold what they learned."""
    deleted: tuple[str, ...]
    bytes: int
    kept: tuple[str, ...]
    """Images, masks and originals of it that another concept has too."""
    backups: tuple[Path, ...]
    """Copies of the registry from before upgrades, which may hold it still."""


@dataclass(frozen=True)
class Neighbour:
    """A concept that looks like another: the cosine of their mean CLIP embeddings."""

    name: str
    library: str
    noun: str
    similarity: float


@dataclass(frozen=True)
class Neighbours:
    """The concepts nearest to one, as a stack's CLIP sees them; `not_compared` have no embedding of it yet."""

    name: str
    stack: str
    nearest: tuple[Neighbour, ...]
    not_compared: int


@dataclass(frozen=True)
class Exported:
    """A bundle that was written."""

    path: Path
    concepts: tuple[str, ...]
    objects: int
    size: int
    pictures: bool
    originals_left_out: int
    """Originals that the concepts have: a bundle is for others, and they hold metadata."""
    signed_by: str | None
    """The fingerprint of the key that signed it."""


@dataclass(frozen=True)
class ImportedConcept:
    """What became of a concept in a bundle or folder: `state` is added, renamed, renewed, skipped or there already.

    Renewed: it was there with an embedding of which nothing showed who had given it, and got the bundle's.
    """

    name: str
    noun: str
    state: str
    came_as: str
    """The name that it has in the bundle or folder."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Imported:
    """All that was found in a bundle or folder, by name."""

    library: str
    concepts: tuple[ImportedConcept, ...]
    signed_by: str | None
    """The fingerprint of the key that a bundle says it is signed with."""
    verified: bool
    """The signature was checked, and the key is one that was said to be trusted."""


@dataclass(frozen=True)
class AdapterCard:
    """An adapter; `knows` maps the name of each concept it saw to the version. Some are `removed` or `forgotten`."""

    id: int
    method: str
    stack: str
    knows: dict[str, int]
    removed: tuple[str, ...]
    forgotten: tuple[str, ...]
    stale: bool
    created_at: datetime
    run_id: int | None
    settings: dict[str, Any]
    sha256: str
    path: Path
    missing: bool
    """There is no file at `path`, as this machine sees it."""


@dataclass(frozen=True)
class Finetuned:
    """A run that ended with an adapter, or that was stopped and can be resumed (then `adapter` is None)."""

    run_id: int
    steps: int
    stack: str
    concepts: tuple[str, ...]
    adapter: AdapterCard | None
    loss_log: Path
    loss_plot: Path


@dataclass(frozen=True)
class DrawnPicture:
    """A picture file and the seed it was drawn from."""

    path: Path
    seed: int


@dataclass(frozen=True)
class Drawn:
    """The pictures of one prompt, and what drew them."""

    prompt: str
    pictures: tuple[DrawnPicture, ...]
    stack: str
    adapter: int | None
    stale: bool


def adapter_card(record: AdapterRecord, folder: Path) -> AdapterCard:
    """An adapter as a person sees it."""
    path = folder / record.file_name
    return AdapterCard(
        id=record.id,
        method=record.method,
        stack=record.stack,
        knows={seen.name: seen.version for seen in record.concepts},
        removed=tuple(seen.name for seen in record.concepts if seen.removed and not seen.forgotten),
        forgotten=tuple(seen.name for seen in record.concepts if seen.forgotten),
        stale=record.stale,
        created_at=record.created_at,
        run_id=record.run_id,
        settings=record.settings,
        sha256=record.sha256,
        path=path,
        missing=not path.is_file(),
    )
