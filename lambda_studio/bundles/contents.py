"""What a bundle says of itself: its manifest, in canonical JSON, and the note that stands for pictures left out."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

FORMAT, VERSION = "lambda-studio bundle", 1
LEFT_OUT = "lambda-studio pictures left out"
"""How the note begins that takes the place of a concept's pictures."""


@dataclass(frozen=True, kw_only=True)
class BundleEmbedding:
    """CLIP's view of pictures that were left out: which CLIP, and the object that holds its float32 numbers."""

    encoder: str
    preprocessing: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class BundleImage:
    """A reference image and its mask, by the names of their objects."""

    sha256: str
    mask: str | None
    width: int
    height: int
    source_name: str
    warnings: tuple[str, ...]
    embeddings: tuple[BundleEmbedding, ...] = ()
    """Of a note that stands for pictures; pictures have none, for they can be looked at."""

    @property
    def objects(self) -> list[str]:
        """The objects that it needs."""
        return [self.sha256, *([self.mask] if self.mask else []), *(each.sha256 for each in self.embeddings)]


@dataclass(frozen=True, kw_only=True)
class BundleConcept:
    """A concept in the version that was present; `manifest` is that version's."""

    name: str
    noun: str
    manifest: str
    images: tuple[BundleImage, ...]


@dataclass(frozen=True)
class Contents:
    """All that a bundle holds. `objects` maps the SHA-256 of each object to its size."""

    concepts: tuple[BundleConcept, ...]
    objects: dict[str, int] = field(default_factory=dict)

    def encoded(self) -> bytes:
        """The manifest's bytes: the same for the same contents, wherever and whenever they are written."""
        value = {"format": FORMAT, "version": VERSION, **asdict(self)}
        return canonical(value) + b"\n"


def canonical(value: Any) -> bytes:
    """JSON with one spelling."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def left_out_note(pictures: Sequence[tuple[str, str | None]]) -> bytes:
    """The note that takes the place of these pictures, given by the hashes of image and mask."""
    return canonical({"format": LEFT_OUT, "pictures": [list(pair) for pair in pictures], "version": 1})


def is_left_out_note(data: bytes) -> bool:
    """Whether stored bytes are such a note, and no picture."""
    return data.startswith(b'{"format":"' + LEFT_OUT.encode())
