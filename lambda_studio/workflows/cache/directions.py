"""The direction of each concept's mean embedding, read from the registry and kept in memory while nothing changes."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain

import numpy as np
from jaxtyping import Float32, Int64

from concepts.records import ImageRecord, SeenImage
from concepts.registry import Registry
from lambda_studio.bundles.given import DTYPE, read_note
from lambda_studio.workflows.cache.encoders import Encoder
from lambda_studio.workflows.cache.keys import SUBJECT, subject_key, subject_keys_between


@dataclass(frozen=True)
class Directions:
    """The mean embeddings of all concepts that the user may see and CLIP has seen whole, each of length 1.

    Kept in memory for as long as nothing has changed, never in a file: what is forgotten must be gone.
    """

    encoder: Encoder
    generation: tuple[int, ...]
    ids: Int64[np.ndarray, " concept"]
    rows: Float32[np.ndarray, "concept dim"]
    not_seen: frozenset[int]
    """Concepts of which an image has no embedding."""


def present_directions(registry: Registry, encoder: Encoder, former: Directions | None) -> Directions:
    """What was read before if it was of all concepts and they are the same still, else all of it anew."""
    generation = registry.generation()
    if former and not former.not_seen and (former.encoder, former.generation) == (encoder, generation):
        return former
    counts = registry.image_counts()
    begin, end = subject_keys_between(encoder)
    seen = chain(registry.seen_images(SUBJECT, begin, end), given_images(registry, encoder))
    ids, rows = mean_directions(counts, seen)
    return Directions(encoder, generation, ids, rows, frozenset(counts) - set(ids.tolist()))


def given_images(registry: Registry, encoder: Encoder) -> Iterator[SeenImage]:
    """Walk through the embeddings by this CLIP that came in place of pictures."""
    prepared = subject_key(ImageRecord("", None, 1, 1, "", ()), encoder).preprocessing
    for concept_id, data in registry.left_out():
        with suppress(ValueError):  # no note, but another image of one pixel, counts as not seen
            if (view := read_note(data).view(encoder.fingerprint, prepared)) is not None:
                yield SeenImage(concept_id, view.data, DTYPE)


def mean_directions(
    counts: dict[int, int], seen: Iterable[SeenImage]
) -> tuple[Int64[np.ndarray, " concept"], Float32[np.ndarray, "concept dim"]]:
    """The direction of the mean over each concept's images, where all of `counts` of them were seen."""
    places = {concept_id: at for at, concept_id in enumerate(counts)}
    sums, left = np.zeros((len(counts), 0), dtype=np.float32), np.array([*counts.values()], dtype=np.int64)
    for image in seen:
        embedding = np.frombuffer(image.data, dtype=image.dtype)
        if not sums.shape[1]:
            sums = np.zeros((len(counts), len(embedding)), dtype=np.float32)
        if len(embedding) == sums.shape[1]:
            sums[places[image.concept_id]] += embedding
            left[places[image.concept_id]] -= 1
    whole = left == 0
    sums = sums if whole.all() else sums[whole]
    sums /= np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return np.array([*counts], dtype=np.int64)[whole], sums
