"""The direction of each concept's mean embedding, cached in memory until the registry changes."""

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
from lambda_studio.workflows.cache.keys import SUBJECT, subject_keys_between
from lambda_studio.workflows.cache.left_out import given_view


@dataclass(frozen=True)
class Directions:
    """The mean embeddings, each of length 1, of the visible concepts whose images all have an embedding.

    Cached in memory only, never in a file, so that a forgotten concept leaves no trace.
    """

    encoder: Encoder
    generation: tuple[int, ...]
    ids: Int64[np.ndarray, " concept"]
    rows: Float32[np.ndarray, "concept dim"]
    not_seen: frozenset[int]
    """Ids of concepts with at least one image without an embedding."""


def present_directions(registry: Registry, encoder: Encoder, former: Directions | None) -> Directions:
    """Return the cached matrix if it has all concepts and none has changed since; otherwise read it again."""
    generation = registry.generation()
    if former and not former.not_seen and (former.encoder, former.generation) == (encoder, generation):
        return former
    counts = registry.image_counts()
    begin, end = subject_keys_between(encoder)
    seen = chain(registry.seen_images(SUBJECT, begin, end), given_images(registry, encoder))
    ids, rows = mean_directions(counts, seen)
    return Directions(encoder, generation, ids, rows, frozenset(counts) - set(ids.tolist()))


def given_images(registry: Registry, encoder: Encoder) -> Iterator[SeenImage]:
    """Yield the embeddings by this CLIP that were imported in place of pictures."""
    image = ImageRecord("", None, 1, 1, "", ())
    for concept_id, data in registry.left_out():
        with suppress(ValueError):  # an image of one pixel that is not a note has no embedding
            if (view := given_view(read_note(data), image, encoder)) is not None:
                yield SeenImage(concept_id, view.data, DTYPE)


def mean_directions(
    counts: dict[int, int], seen: Iterable[SeenImage]
) -> tuple[Int64[np.ndarray, " concept"], Float32[np.ndarray, "concept dim"]]:
    """Return the ids and mean directions of the concepts with an embedding for each of their `counts` images.

    A concept whose mean is too large for float32, or NaN, has no direction.
    """
    places = {concept_id: at for at, concept_id in enumerate(counts)}
    sums, left = np.zeros((len(counts), 0), dtype=np.float32), np.array([*counts.values()], dtype=np.int64)
    for image in (each for each in seen if each.dtype == DTYPE):
        embedding = np.frombuffer(image.data, dtype=image.dtype)
        if not sums.shape[1]:
            sums = np.zeros((len(counts), len(embedding)), dtype=np.float32)
        if len(embedding) == sums.shape[1]:
            with np.errstate(over="ignore", invalid="ignore"):
                sums[places[image.concept_id]] += embedding
            left[places[image.concept_id]] -= 1
    with np.errstate(over="ignore", invalid="ignore"):
        norms = np.linalg.norm(sums, axis=1, keepdims=True)
    whole = (left == 0) & np.isfinite(norms[:, 0])
    sums, norms = (sums, norms) if whole.all() else (sums[whole], norms[whole])
    sums /= np.maximum(norms, np.finfo(np.float32).tiny)
    return np.array([*counts], dtype=np.int64)[whole], sums
