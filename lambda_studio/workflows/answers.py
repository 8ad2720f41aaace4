"""The studio's answers: plain values, ready to print or to write as JSON."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from concepts.records import AdapterRecord, ConceptRecord
from lambda_studio.bundles.layouts.plan import Plan as Plan
from lambda_studio.config import FinetuneConfig

BF16_ROUNDS_AWAY = 2**-9
"""bf16 has 8 significant bits: the next number after a weight is 1/256 to 1/128 of it away. A change below half of the
smaller step, 1/512 of the weight, is always rounded away."""


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
class ConceptCard:
    """A concept with its images and adapters. `embeddings` counts cached images by stack."""

    concept: ConceptRecord
    images: tuple[ImageCard, ...]
    embeddings: dict[str, int]
    adapters: tuple[KnownBy, ...]

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


@dataclass(frozen=True)
class Exported:
    """A written bundle."""

    path: Path
    concepts: tuple[str, ...]
    objects: int
    size: int
    pictures: bool
    originals_left_out: int
    """How many originals the concepts have. A bundle contains none, because originals have metadata."""
    signed_by: str | None
    """The fingerprint of the signing key."""


@dataclass(frozen=True)
class ImportedConcept:
    """The result for one concept of a bundle or folder.

    `state` is added, renamed, renewed, skipped or there already. Renewed: the bundle's embedding replaced one without
    proof of its origin.
    """

    name: str
    noun: str
    state: str
    came_as: str
    """Its name in the bundle or folder."""
    notes: tuple[str, ...] = ()
    to_encode: bool = False
    """Its pictures came in, and are encoded when a prompt or fine-tuning first names it."""
    looked_at: int = 0
    """How many masks of its pictures were found or read in this import."""
    doubtful: int = 0
    """How many of these may be wrong."""


@dataclass(frozen=True)
class Imported:
    """The results for all concepts of a bundle or folder, by name."""

    library: str
    concepts: tuple[ImportedConcept, ...]
    signed_by: str | None
    """The fingerprint of the key in the bundle's signature."""
    verified: bool
    """The signature was checked, and its key is one of the trusted keys."""
    plan: Plan | None = None
    """What was imported and what was left aside, for pictures. A bundle has no plan."""


@dataclass(frozen=True)
class AdapterCard:
    """An adapter. `knows` maps each concept's name to its version; `removed` and `forgotten` list some names."""

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
    """This machine finds no file at `path`."""
    update_size: float | None = None
    """The norm of its update divided by the norm of the weights that it changes; None if it was not measured."""
    vanishes: bool = False
    """Its update is too small for bf16: see `BF16_ROUNDS_AWAY`."""


@dataclass(frozen=True)
class AdapterRecipe:
    """What an adapter was made of: the names of its concepts, and its settings."""

    names: tuple[str, ...]
    config: FinetuneConfig


@dataclass(frozen=True)
class ExportedAdapter:
    """An adapter in a folder for another library. `load` is the line of Python that loads it there."""

    id: int
    path: Path
    format: str
    load: str


@dataclass(frozen=True)
class ModelPart:
    """The files of one part of a stack. `part` is clip, prior or decoder."""

    stack: str
    part: str
    source: str
    """The folder or the hub id that the files come from."""
    revision: str | None
    """The pinned revision on the hub."""
    missing: str
    """Why the part cannot be used; empty if all its files are on this machine."""
    size: int | None
    """The bytes of its files here, or of the download; None if that is not known."""
    files: tuple[Path, ...]


@dataclass(frozen=True)
class RemovedModels:
    """Repositories that were removed from the hub's cache, and the bytes that are free again."""

    repositories: tuple[str, ...]
    size: int


@dataclass(frozen=True)
class Finetuned:
    """A finished run with its adapter, or a stopped run that can be resumed (then `adapter` is None)."""

    run_id: int
    steps: int
    stack: str
    concepts: tuple[str, ...]
    adapter: AdapterCard | None
    loss_log: Path
    loss_plot: Path
    previews: Path | None = None
    """The sheet of preview pictures, if there are any."""
    report: Path | None = None
    """The run's report, one HTML file."""
    planned_steps: int | None = None
    """The steps of its settings. It made fewer if it was stopped, or if its scores rose no more."""
    kept: int | None = None
    """The step whose weights the adapter has; None is the last one."""
    scores: tuple[dict[str, Any], ...] = ()
    """The scores of each preview, with `holdout`: `step`, `score`, `subjects` and the names of the `metrics`."""
    evaluation: Any = None
    """What `adapters.evaluate` says of the adapter, if it was asked for."""


@dataclass(frozen=True)
class RunCard:
    """A training run. `knows` maps each concept's name to the version that the run trains on."""

    id: int
    kind: str
    state: str
    """`running` (a process works on it), `unfinished` (it can be resumed), `finished` or `failed`."""
    stack: str
    knows: dict[str, int]
    saved_step: int | None
    """The optimiser step of the newest checkpoint on this machine."""
    steps: int
    """The number of optimiser steps of the whole run."""
    why: str | None
    """The reason of a failure."""
    adapter: int | None
    started_at: datetime
    ended_at: datetime | None
    settings: dict[str, Any]
    """The settings that differ from the defaults."""
    folder: Path
    bytes: int
    """The size of the run's files on this machine."""
    ended_step: int | None = None
    """The step after which it ended early, because its scores rose no more."""
    kept: int | None = None
    """The step whose weights its adapter has; None is the last one."""
    scores: tuple[dict[str, Any], ...] = ()
    """As in `Finetuned`, if they are on this machine. Only of `runs.get`."""


@dataclass(frozen=True)
class DrawnPicture:
    """A picture file and its seed."""

    path: Path
    seed: int


@dataclass(frozen=True)
class DrawnAdapter:
    """An adapter of a picture, and the factor of its update."""

    id: int
    sha256: str
    scale: float


@dataclass(frozen=True)
class Drawn:
    """The pictures of one prompt, with the stack and the adapters that drew them."""

    prompt: str
    pictures: tuple[DrawnPicture, ...]
    stack: str
    adapter: int | None
    """The first adapter's number."""
    stale: bool
    height: int
    width: int
    adapters: tuple[DrawnAdapter, ...] = ()


def adapter_card(record: AdapterRecord, folder: Path) -> AdapterCard:
    """Convert an adapter's record; `folder` is where its file should be."""
    path, size = folder / record.file_name, record.settings.get("update_size")
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
        update_size=size,
        vanishes=size is not None and size < BF16_ROUNDS_AWAY,
    )
