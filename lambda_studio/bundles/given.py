"""The note in place of a concept's pictures: it names what was left out, and holds the embeddings that were given."""

import binascii
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lambda_studio.bundles.contents import LEFT_OUT, canonical
from lambda_studio.formats import is_format

MAX_DIM = 16_384
"""Numbers in an embedding."""
MAX_VIEWS = 64
"""Embeddings in a note: one for each CLIP."""
DTYPE = "float32"
_FIELDS = {
    1: {"format", "pictures", "version"},
    2: {"format", "from_cache", "pictures", "version", "views"},
}
_VIEW_FIELDS = {"data", "dtype", "encoder", "preprocessing", "shape"}


@dataclass(frozen=True, kw_only=True)
class GivenView:
    """One CLIP's embedding of pictures that were left out, as little-endian float32 numbers."""

    encoder: str
    preprocessing: str
    data: bytes


@dataclass(frozen=True, kw_only=True)
class Note:
    """What a version has in place of pictures. Its bytes are the version's image, so the manifest's hash covers them.

    `pictures` are the hashes of image and mask. Without views it is of version 1, whose embeddings lay elsewhere.
    """

    pictures: tuple[tuple[str, str | None], ...]
    views: tuple[GivenView, ...] = ()
    from_cache: bool = False
    """The embeddings were in a cache that all users share, before schema 0004: nothing shows who gave them."""

    @property
    def proven(self) -> bool:
        """Whether the embeddings are the ones that came with the note."""
        return bool(self.views) and not self.from_cache

    def view(self, encoder: str, preprocessing: str) -> GivenView | None:
        """The embedding by this CLIP of pictures that were prepared so, or None."""
        wanted = (encoder, preprocessing)
        return next((each for each in self.views if (each.encoder, each.preprocessing) == wanted), None)

    def encoded(self) -> bytes:
        """The note's bytes: the same for the same note."""
        pictures = [list(pair) for pair in self.pictures]
        if not self.views:
            return canonical({"format": LEFT_OUT, "pictures": pictures, "version": 1})
        views = [_said(view) for view in sorted(self.views, key=lambda view: (view.encoder, view.preprocessing))]
        told = {"format": LEFT_OUT, "from_cache": self.from_cache, "pictures": pictures, "version": 2, "views": views}
        return canonical(told)


def read_note(data: bytes) -> Note:
    """Return the note that these bytes are, in its one spelling. Raises ValueError, which says what is wrong."""
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


def view_fault(data: bytes) -> str | None:
    """Why these bytes are not an embedding's numbers; None where they are."""
    if len(data) % 4 or not 4 <= len(data) <= 4 * MAX_DIM:
        return f"is not an embedding of 1 to {MAX_DIM} numbers"
    return (
        None if np.isfinite(np.frombuffer(data, dtype="<f4")).all() else "is an embedding with NaN or infinite numbers"
    )


def _said(view: GivenView) -> dict[str, Any]:
    data = b64encode(view.data).decode()
    told = {"data": data, "dtype": DTYPE, "shape": [len(view.data) // 4]}
    return {**told, "encoder": view.encoder, "preprocessing": view.preprocessing}


def _read(told: Any) -> Note:
    """The note, before its spelling is compared: fields and types are checked here. Raises ValueError and its like."""
    version = told["version"]
    if type(version) is not int or told.keys() != _FIELDS[version]:
        raise ValueError(version)
    pictures = tuple((str(image), None if mask is None else str(mask)) for image, mask in told["pictures"])
    if version == 1:
        return Note(pictures=pictures)
    if not 1 <= len(told["views"]) <= MAX_VIEWS or type(told["from_cache"]) is not bool:
        raise ValueError(len(told["views"]))
    return Note(pictures=pictures, views=_views(told["views"]), from_cache=told["from_cache"])


def _views(told: Sequence[dict[str, Any]]) -> tuple[GivenView, ...]:
    return tuple(_view(**each) for each in told if each.keys() == _VIEW_FIELDS)


def _view(data: str, dtype: str, encoder: str, preprocessing: str, shape: list[int]) -> GivenView:
    if not re.fullmatch(r"[0-9a-f]{64}", encoder) or len(preprocessing) > 1000:
        raise ValueError(encoder)
    try:
        return GivenView(encoder=encoder, preprocessing=preprocessing, data=b64decode(data, validate=True))
    except binascii.Error as error:
        raise ValueError(data[:80]) from error
