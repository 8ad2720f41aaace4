"""Which concepts look alike: the cosine of the means of cached CLIP embeddings. No model is loaded for it."""

from collections.abc import Mapping, Sequence

import numpy as np

from concepts.records import ConceptRecord, FeatureRecord
from lambda_studio.config import require
from lambda_studio.workflows.encoders import Encoder, KnownEncoders
from lambda_studio.workflows.keys import subject_key
from lambda_studio.workflows.views import Neighbour, Neighbours
from lambda_studio.workflows.workplace import Workplace

ALIKE = 0.92
"""From here on a new concept is said to look like another: docs/decisions/0010."""


def similar(place: Workplace, name: str, count: int) -> Neighbours:
    """As `Studio.similar`."""
    require(count >= 1, f"The number of concepts is {count}.", "Give 1 or more.")
    concept = place.get_concepts([name])[0]
    encoder = KnownEncoders(place.home).read().get(place.spec.name) or place.embedder.encoder
    found = neighbours(place, concept, encoder)
    if found is None:
        place.embedder.subjects([concept])
        found = neighbours(place, concept, place.embedder.encoder)
    nearest, not_compared = found or ([], 0)
    return Neighbours(concept.name, place.spec.name, tuple(nearest[:count]), not_compared)


def lookalike_warning(place: Workplace, concept: ConceptRecord) -> tuple[str, ...]:
    """What to say of a new concept that looks like one there is; nothing where none does."""
    found = neighbours(place, concept, place.embedder.encoder)
    for other in (found or ([], 0))[0][:1]:
        if other.similarity >= ALIKE:
            where = "" if other.library == concept.library else f" in library {other.library}"
            return (f"{other.similarity:.2f} like {other.name}{where}; if it is the same, edit that one instead",)
    return ()


def neighbours(place: Workplace, concept: ConceptRecord, encoder: Encoder) -> tuple[list[Neighbour], int] | None:
    """All other concepts the user may see, nearest first, and how many have no embedding; None if this one has none."""
    with place.database.reading() as registry:
        others = [other for other in registry.catalogue() if other.id != concept.id]
        keys = {subject_key(image, encoder).text for each in (concept, *others) for image in each.images}
        features = registry.features(sorted(keys))
    own = mean_embedding(concept, encoder, features)
    if own is None:
        return None
    means = [(other, mean_embedding(other, encoder, features)) for other in others]
    compared = [(other, mean) for other, mean in means if mean is not None and mean.shape == own.shape]
    scored = [Neighbour(each.name, each.library, each.noun, cosine(own, mean)) for each, mean in compared]
    return sorted(scored, key=lambda each: -each.similarity), len(others) - len(compared)


def mean_embedding(
    concept: ConceptRecord, encoder: Encoder, features: Mapping[str, FeatureRecord]
) -> np.ndarray | None:
    """The mean over the concept's images; None where one of them has no embedding."""
    records: Sequence[FeatureRecord | None] = [
        features.get(subject_key(image, encoder).text) for image in concept.images
    ]
    if any(record is None for record in records):
        return None
    rows = [np.frombuffer(record.data, dtype=record.dtype) for record in records if record is not None]
    return np.stack(rows).mean(axis=0, dtype=np.float64)


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    """Between -1 and 1; 0 where one of them has no direction."""
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / lengths if lengths else 0.0
