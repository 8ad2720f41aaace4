"""Encoder outputs of every concept that a user can see, over all libraries."""

from collections.abc import Collection, Iterator

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from concepts.access import visible
from concepts.models import Blob, Concept, ConceptVersion, Feature, Library, VersionImage
from concepts.records import CatalogueEntry, SeenImage, sha256
from concepts.rows import versions
from concepts.rows.blobs import of_one_pixel
from concepts.rows.libraries import address

ROWS_AT_ONCE = 1000


def entries(session: Session, user: str, ids: Collection[int]) -> list[CatalogueEntry]:
    """Return the concepts with these ids that the user can see and that are not removed, by id."""
    query = versions.latest().add_columns(Library).join(Library, Concept.library_id == Library.id)
    query = query.where(visible(user), Concept.removed_at.is_(None), Concept.id.in_(ids)).order_by(Concept.id)
    return [
        CatalogueEntry(concept.id, concept.name, address(session, library), version.noun)
        for concept, version, library in session.execute(query)
    ]


def image_counts(session: Session, user: str) -> dict[int, int]:
    """Return the number of images of each concept that the user can see, by concept id."""
    counted = _present(user).with_only_columns(Concept.id, func.count()).group_by(Concept.id)
    return {concept_id: count for concept_id, count in session.execute(counted)}


def seen_images(session: Session, user: str, kind: str, begin: str, end: str) -> Iterator[SeenImage]:
    """Iterate over the undamaged features of one kind of all images that `image_counts` counts.

    `begin` and `end` are the prefix and suffix of the features' keys. One streaming query reads them all.
    """
    query = _present(user).join(Feature, Feature.image_sha == VersionImage.image_sha)
    query = query.join(Blob, Feature.blob_sha == Blob.sha).where(Feature.kind == kind)
    query = query.where(func.substr(Feature.key, 1, len(begin)) == begin)
    query = query.where(func.substr(Feature.key, func.length(Feature.key) - len(end) + 1) == end)
    masks = (
        Feature.mask_sha,
        VersionImage.mask_sha,
    )  # compared in Python: a join on masks would pair all rows without one
    columns = query.with_only_columns(Concept.id, Feature.dtype, Feature.blob_sha, Blob.data, *masks)
    for concept_id, dtype, sha, data, *pair in session.execute(columns.execution_options(yield_per=ROWS_AT_ONCE)):
        if pair[0] == pair[1] and sha256(data) == sha:
            yield SeenImage(concept_id, data, dtype)


def left_out(session: Session, user: str) -> Iterator[tuple[int, bytes]]:
    """Iterate over the undamaged notes in place of pictures, as pairs of concept id and bytes.

    A note is a version's image of one pixel.
    """
    query = _present(user).join(Blob, VersionImage.image_sha == Blob.sha).where(of_one_pixel())
    columns = query.with_only_columns(Concept.id, Blob.sha, Blob.data)
    for concept_id, sha, data in session.execute(columns.execution_options(yield_per=ROWS_AT_ONCE)):
        if sha256(data) == sha:
            yield concept_id, data


def generation(session: Session, user: str) -> tuple[int, ...]:
    """Return numbers that change if the concepts that the user can see, or any versions, change."""
    shown = select(func.count(), func.sum(Concept.id)).select_from(Concept).join(Library)
    shown = shown.where(visible(user), Concept.removed_at.is_(None))
    numbers = [*session.execute(shown).one(), session.scalar(select(func.max(ConceptVersion.id)))]
    return tuple(int(number or 0) for number in numbers)


def _present(user: str) -> Select:
    """Return a query of all images, in current versions, of the concepts that the user can see."""
    query = versions.latest().join(Library, Concept.library_id == Library.id)
    query = query.join(VersionImage, VersionImage.version_id == ConceptVersion.id)
    return query.where(visible(user), Concept.removed_at.is_(None))
