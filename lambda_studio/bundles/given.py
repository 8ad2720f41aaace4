"""The note in place of a concept's pictures: what it stands for, and the given embeddings."""

import binascii
import hashlib
import json
import math
import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from concepts.printable import printable
from lambda_studio.bundles.contents import LEFT_OUT, canonical
from lambda_studio.formats import is_format

MAX_DIM = 16_384
"""The maximum numbers in an embedding."""
MAX_VIEWS = 64
"""The maximum embeddings in a note, one for each CLIP."""
NORMS = (1e-6, 1e6)
"""The least and the greatest length of an embedding, with much room: CLIPs give lengths of about 1 to 100."""
DTYPE = "float32"
_FIELDS = {
    1: {"format", "pictures", "version"},
    2: {"format", "from_cache", "pictures", "version", "views"},
    3: {"blend", "format", "from_cache", "pictures", "version", "views"},
}
MAX_PARTS = 64
"""The maximum concepts of a blend."""
LARGEST_WEIGHT = 10.0
"""The largest weight in a blend, whose weights have the sum 1."""
LONGEST_NAME = 1000
_VIEW_FIELDS = {"data", "dtype", "encoder", "preprocessing", "shape"}


@dataclass(frozen=True, kw_only=True)
class GivenView:
    """One CLIP's embedding of pictures that were left out, as little-endian float32 numbers."""

    encoder: str
    preprocessing: str
    data: bytes


@dataclass(frozen=True, kw_only=True)
class Part:
    """A version of a concept in a blend: its name when it was blended, its manifest, and its weight."""

    name: str
    manifest: str
    weight: float


@dataclass(frozen=True, kw_only=True)
class Note:
    """A version's stand-in for pictures. Its bytes are the version's image, so the manifest covers them.

    `pictures` are the hashes of image and mask. A note without views has version 1: its embeddings are elsewhere.
    A note with a `blend` has version 3, and no pictures: its embedding is the weighted sum of other concepts'.
    """

    pictures: tuple[tuple[str, str | None], ...] = ()
    views: tuple[GivenView, ...] = ()
    from_cache: bool = False
    """The embeddings come from the shared cache of schemas before 0004, so their author is unknown."""
    blend: tuple[Part, ...] = ()

    @property
    def proven(self) -> bool:
        """Whether the embeddings are known to have come with the note."""
        return bool(self.views) and not self.from_cache

    @property
    def stands_for(self) -> str:
        """The SHA-256 of the list of pictures and masks that the note replaces, or of the parts that are blended."""
        parts = [[part.manifest, part.weight] for part in self.blend]
        return hashlib.sha256(canonical([*map(list, self.pictures), *parts])).hexdigest()

    def view(self, encoder: str, preprocessing: str) -> GivenView | None:
        """Return the embedding by this CLIP and preprocessing, or None."""
        wanted = (encoder, preprocessing)
        return next((each for each in self.views if (each.encoder, each.preprocessing) == wanted), None)

    def encoded(self) -> bytes:
        """Return the note's bytes. Equal notes give equal bytes."""
        pictures = [list(pair) for pair in self.pictures]
        if not self.views:
            return canonical({"format": LEFT_OUT, "pictures": pictures, "version": 1})
        views = [_said(view) for view in sorted(self.views, key=lambda view: (view.encoder, view.preprocessing))]
        told = {"format": LEFT_OUT, "from_cache": self.from_cache, "pictures": pictures, "version": 2, "views": views}
        if self.blend:
            told |= {"version": 3, "blend": [asdict(part) for part in self.blend]}
        return canonical(told)


def read_note(data: bytes) -> Note:
    """Return the note in these bytes. Raises ValueError, with the fault, unless they are a note's canonical bytes."""
    wrong = "is not a note of pictures left out"
    try:
        told = json.loads(data)
        newer = is_format(told["version"]) and told["version"] > max(_FIELDS)
        note = Note(pictures=()) if newer else _read(told)
        one_spelling = note.encoded() == data
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(wrong) from error
    if newer and told.get("format") == LEFT_OUT:
        raise ValueError(f"is a note of version {told['version']}, which only a newer λ-Studio reads")
    if not one_spelling:
        raise ValueError(wrong)
    if len({(view.encoder, view.preprocessing) for view in note.views}) < len(note.views):
        raise ValueError("is a note with two embeddings by one CLIP")
    for fault in filter(None, (view_fault(view.data) for view in note.views)):
        raise ValueError(f"is a note, and one of its embeddings {fault}")
    return note


def view_fault(data: bytes, width: int | None = None) -> str | None:
    """Return why these bytes are not an embedding's numbers, or None if they are. `width` is its CLIP's, if known."""
    if len(data) % 4 or not 4 <= len(data) <= 4 * MAX_DIM:
        return f"is not an embedding of 1 to {MAX_DIM} numbers"
    if width is not None and len(data) != 4 * width:
        return f"is an embedding of {len(data) // 4} numbers, and its CLIP gives {width}"
    numbers = np.frombuffer(data, dtype="<f4").astype(np.float64)
    if not np.isfinite(numbers).all():
        return "is an embedding with NaN or infinite numbers"
    norm = float(np.linalg.norm(numbers))
    return None if NORMS[0] <= norm <= NORMS[1] else f"is an embedding of the length {norm:.3g}, which no CLIP gives"


def _said(view: GivenView) -> dict[str, Any]:
    data = b64encode(view.data).decode()
    told = {"data": data, "dtype": DTYPE, "shape": [len(view.data) // 4]}
    return {**told, "encoder": view.encoder, "preprocessing": view.preprocessing}


def _read(told: Any) -> Note:
    """Return the note after checking fields and types. Raises ValueError, TypeError, KeyError or AttributeError."""
    version = told["version"]
    if type(version) is not int or told.keys() != _FIELDS[version]:
        raise ValueError(version)
    pictures = tuple((str(image), None if mask is None else str(mask)) for image, mask in told["pictures"])
    if version == 1:
        return Note(pictures=pictures)
    if not 1 <= len(told["views"]) <= MAX_VIEWS or type(told["from_cache"]) is not bool:
        raise ValueError(len(told["views"]))
    parts = _parts(told["blend"]) if version == 3 else ()
    return Note(pictures=pictures, views=_views(told["views"]), from_cache=told["from_cache"], blend=parts)


def _parts(told: Sequence[dict[str, Any]]) -> tuple[Part, ...]:
    if not 1 <= len(told) <= MAX_PARTS:
        raise ValueError(len(told))
    return tuple(_part(**each) for each in told)


def _part(name: str, manifest: str, weight: float) -> Part:
    sound = (
        printable(name) == name
        and type(weight) is float
        and math.isfinite(weight)
        and 0 < abs(weight) <= LARGEST_WEIGHT
    )
    if not sound or not re.fullmatch(r"[0-9a-f]{64}", manifest) or not 0 < len(name) <= LONGEST_NAME:
        raise ValueError(name)
    return Part(name=name, manifest=manifest, weight=weight)


def _views(told: Sequence[dict[str, Any]]) -> tuple[GivenView, ...]:
    return tuple(_view(**each) for each in told if each.keys() == _VIEW_FIELDS)


def _view(data: str, dtype: str, encoder: str, preprocessing: str, shape: list[int]) -> GivenView:
    if not re.fullmatch(r"[0-9a-f]{64}", encoder) or len(preprocessing) > 1000:
        raise ValueError(encoder)
    try:
        return GivenView(encoder=encoder, preprocessing=preprocessing, data=b64decode(data, validate=True))
    except binascii.Error as error:
        raise ValueError(data[:80]) from error
