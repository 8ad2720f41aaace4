"""What a bundle says of itself: its manifest, in canonical JSON."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

FORMAT, VERSIONS = "lambda-studio bundle", (1, 2)
"""In version 2 a note in place of pictures holds its embeddings, so that its concept's manifest covers them."""
LEFT_OUT = "lambda-studio pictures left out"
"""How the note begins that takes the place of a concept's pictures."""


@dataclass(frozen=True, kw_only=True)
class BundleEmbedding:
    """CLIP's view of pictures that were left out: which CLIP, and the object that holds its float32 numbers.

    Only bundles of version 1 have it: there no concept's manifest covered those numbers.
    """

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
    """Of a note that stands for pictures, in version 1; pictures have none, for they can be looked at."""

    @property
    def is_note(self) -> bool:
        """Whether it stands for pictures that were left out: no picture is as small."""
        return self.width == 1 and self.height == 1

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

    @property
    def version(self) -> int:
        """The bundle's version: 2 where a note holds its embeddings; what older versions of this code read stays 1."""
        images = (image for concept in self.concepts for image in concept.images)
        return 2 if any(image.is_note and not image.embeddings for image in images) else 1

    def encoded(self) -> bytes:
        """The manifest's bytes: the same for the same contents, wherever and whenever they are written."""
        value = {"format": FORMAT, "version": self.version, **asdict(self)}
        return canonical(value) + b"\n"


def canonical(value: Any) -> bytes:
    """JSON with one spelling."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
