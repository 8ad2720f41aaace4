"""Which concepts look alike: the cosine of the means of cached CLIP embeddings. No model is loaded for it."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain

import numpy as np
from jaxtyping import Float32, Int64

from concepts.records import ConceptRecord, ImageRecord, SeenImage
from concepts.registry import Registry
from lambda_studio.bundles.given import DTYPE, read_note
from lambda_studio.config import require
from lambda_studio.workflows.answers import Neighbour, Neighbours
from lambda_studio.workflows.cache.encoders import Encoder, KnownEncoders
from lambda_studio.workflows.cache.keys import SUBJECT, subject_key, subject_keys_between
from lambda_studio.workflows.workplace import Workplace

ALIKE = 0.90
"""From here on a new concept is said to look like another: docs/decisions/0010."""


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


def similar(place: Workplace, name: str, count: int) -> Neighbours:
    """As `Studio.similar`."""
    require(count >= 1, f"The number of concepts is {count}.", "Give 1 or more.")
    concept = place.get_concepts([name])[0]
    encoder = KnownEncoders(place.home).read().get(place.spec.name) or place.embedder.encoder
    found = neighbours(place, concept, encoder, count)
    if found is None:
        place.embedder.subjects([concept])
        found = neighbours(place, concept, place.embedder.encoder, count)
    nearest, not_compared = found or ([], 0)
    return Neighbours(concept.name, place.spec.name, tuple(nearest), not_compared)


def lookalike_warning(place: Workplace, concept: ConceptRecord) -> tuple[str, ...]:
    """What to say of a new concept that looks like one there is; nothing where none does."""
    found = neighbours(place, concept, place.embedder.encoder, 1)
    for other in (found or ([], 0))[0]:
        if other.similarity >= ALIKE:
            where = "" if other.library == concept.library else f" in library {other.library}"
            return (f"{other.similarity:.2f} like {other.name}{where}; if it is the same, edit that one instead",)
    return ()


def neighbours(
    place: Workplace, concept: ConceptRecord, encoder: Encoder, count: int
) -> tuple[list[Neighbour], int] | None:
    """The `count` nearest of all others the user may see, and how many were not compared; None if this one was not."""
    with place.database.reading() as registry:
        known = place.directions = present_directions(registry, encoder, place.directions)
        if concept.id not in known.ids:
            return None
        likeness = known.rows @ known.rows[known.ids == concept.id][0]
        likeness[known.ids == concept.id] = -np.inf
        first = largest(likeness, min(count, len(likeness) - 1))
        entries = {entry.id: entry for entry in registry.catalogue(known.ids[first].tolist())}
    nearest = [(entries[int(known.ids[at])], float(np.clip(likeness[at], -1, 1))) for at in first]
    return [Neighbour(other.name, other.library, other.noun, value) for other, value in nearest], len(known.not_seen)


def largest(values: Float32[np.ndarray, " concept"], count: int) -> Int64[np.ndarray, " first"]:
    """The places of the `count` largest values, the largest first; only those are sorted."""
    first = np.argpartition(values, len(values) - count - 1)[len(values) - count :]
    return first[np.argsort(-values[first], kind="stable")]


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
