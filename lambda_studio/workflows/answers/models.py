"""Answers about the files of a stack's models."""

from dataclasses import dataclass
from pathlib import Path


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
