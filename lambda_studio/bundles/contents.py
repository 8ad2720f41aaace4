"""A bundle's manifest, in canonical JSON."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

FORMAT, VERSIONS = "lambda-studio bundle", (1, 2)
"""In version 2, a note in place of pictures contains its embeddings. Its concept's manifest covers them."""
LEFT_OUT = "lambda-studio pictures left out"
"""The format name of a note in place of a concept's pictures."""


@dataclass(frozen=True, kw_only=True)
class BundleEmbedding:
    """A CLIP embedding of pictures that were left out. `sha256` names the object with its float32 numbers.

    Only version 1 has it. There, no concept's manifest covers the numbers.
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
    """The embeddings of a note, in version 1 only. Pictures have none, because CLIP can encode them."""
    caption: str | None = None
    """Its caption. Earlier programs ignore it; no concept's manifest covers it, but a signature does."""

    @property
    def is_note(self) -> bool:
        """Whether the image is a note in place of pictures: no picture has only one pixel."""
        return self.width == 1 and self.height == 1

    @property
    def objects(self) -> list[str]:
        """The SHA-256 of every object that the image needs."""
        return [self.sha256, *([self.mask] if self.mask else []), *(each.sha256 for each in self.embeddings)]


@dataclass(frozen=True, kw_only=True)
class BundleConcept:
    """A concept in its current version, with that version's `manifest`."""

    name: str
    noun: str
    manifest: str
    images: tuple[BundleImage, ...]


@dataclass(frozen=True)
class Contents:
    """A bundle's contents. `objects` maps the SHA-256 of each object to its size."""

    concepts: tuple[BundleConcept, ...]
    objects: dict[str, int] = field(default_factory=dict)

    @property
    def version(self) -> int:
        """The bundle's version: 2 if a note contains embeddings, else 1, which older programs can read."""
        images = (image for concept in self.concepts for image in concept.images)
        return 2 if any(image.is_note and not image.embeddings for image in images) else 1

    def encoded(self) -> bytes:
        """Return the manifest's bytes. Equal contents give equal bytes."""
        value = {"format": FORMAT, "version": self.version, **asdict(self)}
        for image in (image for concept in value["concepts"] for image in concept["images"]):
            if image["caption"] is None:
                del image["caption"]
        return canonical(value) + b"\n"


def canonical(value: Any) -> bytes:
    """Return canonical JSON: equal values give equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
