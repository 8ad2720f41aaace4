"""Answers about concepts that travel: what was exported and imported."""

from dataclasses import dataclass
from pathlib import Path

from lambda_studio.bundles.layouts.plan import Plan


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
