"""Find similar concepts by the cosine of their mean cached CLIP embeddings. No model is loaded."""

import numpy as np
from jaxtyping import Float32, Int64

from concepts.records import ConceptRecord
from lambda_studio.workflows.answers.concepts import Neighbour
from lambda_studio.workflows.cache.directions import present_directions
from lambda_studio.workflows.cache.encoders import Encoder
from lambda_studio.workflows.workplace import Workplace

ALIKE = 0.90
"""The cosine from which a new concept gets a warning: docs/decisions/0010."""


def lookalike_warning(place: Workplace, concept: ConceptRecord) -> tuple[str, ...]:
    """Return a warning if a new concept is similar to another one."""
    found = neighbours(place, concept, place.known_encoder or place.embedder.encoder, 1)
    for other in (found or ([], 0))[0]:
        if other.similarity >= ALIKE:
            where = "" if other.library == concept.library else f" in library {other.library}"
            return (
                f"{other.similarity:.2f} like {other.name}{where}; if they are the same subject, edit that one instead",
            )
    return ()


def neighbours(
    place: Workplace, concept: ConceptRecord, encoder: Encoder, count: int
) -> tuple[list[Neighbour], int] | None:
    """Return the `count` nearest visible concepts and how many have no embedding; None if this one has none."""
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
    """Return the indices of the `count` largest values, largest first. Only these are sorted."""
    first = np.argpartition(values, len(values) - count - 1)[len(values) - count :]
    return first[np.argsort(-values[first], kind="stable")]
