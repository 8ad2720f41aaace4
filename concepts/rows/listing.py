"""Queries for a few concepts of a large library: pages, named concepts, text search and similar names."""

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from concepts.models import Concept, ConceptVersion, Library, VersionImage
from concepts.names import MAX_LENGTH, name_key
from concepts.records import ConceptPage, ConceptRecord, ConceptSummary, ImageRecord
from concepts.rows import captions, originals, versions
from concepts.rows.libraries import address

NAMES_A_QUERY = 1000
MOST_ROWS = 2**31
"""More than any library has, and a number that every database takes."""


def page(session: Session, library: Library, text: str, after: str, limit: int | None) -> ConceptPage:
    """Return the first `limit` concepts by name (None: all) that contain `text` and sort after `after`."""
    wanted = select(Concept.id).where(versions.in_use(library)).order_by(Concept.name_key)
    if len(text.strip()) > MAX_LENGTH:  # no name is longer
        return ConceptPage((), more=False)
    if key := name_key(text.strip()):
        wanted = wanted.where(Concept.name_key.contains(key, autoescape=True))
    if after:
        wanted = wanted.where(Concept.name_key > name_key(after.strip()))
    if limit is not None:
        wanted = wanted.limit(min(limit, MOST_ROWS) + 1)  # one extra row shows whether more follow
    found = versions.summaries_where(session, library, Concept.id.in_(wanted.scalar_subquery()))
    return ConceptPage(tuple(found[:limit]), more=limit is not None and len(found) > limit)


def named(session: Session, library: Library, names: Iterable[str]) -> list[ConceptRecord]:
    """Return the named concepts that exist, without duplicates, in the order of `names`.

    Up to `NAMES_A_QUERY` names take one query for concepts, and one each for images, originals and captions.
    """
    keys = list(dict.fromkeys(name_key(name.strip()) for name in names))
    found: dict[str, tuple[Concept, ConceptVersion]] = {}
    for start in range(0, len(keys), NAMES_A_QUERY):
        wanted = Concept.name_key.in_(keys[start : start + NAMES_A_QUERY])
        rows = session.execute(versions.latest().where(versions.in_use(library), wanted))
        found |= {concept.name_key: (concept, version) for concept, version in rows}
    ordered = [found[key] for key in keys if key in found]
    return [
        record
        for start in range(0, len(ordered), NAMES_A_QUERY)
        for record in _records(session, library, ordered[start : start + NAMES_A_QUERY])
    ]


def _records(session: Session, library: Library, rows: Sequence[tuple[Concept, ConceptVersion]]) -> list[ConceptRecord]:
    """Read the images of these versions and return the concepts."""
    images: dict[int, list[VersionImage]] = {version.id: [] for _, version in rows}
    query = select(VersionImage).where(VersionImage.version_id.in_(images)).order_by(VersionImage.position)
    for image in session.scalars(query):
        images[image.version_id].append(image)
    kept, where = originals.of_versions(session, images), address(session, library)
    said = captions.of_versions(session, images)

    def images_of(version: ConceptVersion) -> tuple[ImageRecord, ...]:
        places = [((version.id, each.position), each) for each in images[version.id]]
        return tuple(versions.image_record(each, kept.get(place), said.get(place)) for place, each in places)

    return [versions.concept_record(where, concept, version, images_of(version)) for concept, version in rows]


def near(session: Session, library: Library, names: Iterable[str]) -> list[ConceptSummary]:
    """Return the concepts of these names and their alphabetical neighbours, without duplicates."""
    found: dict[int, ConceptSummary] = {}
    for name in names:
        near_it = versions.in_use(library) & Concept.name_key.in_(versions.near_names(session, library, name))
        found |= {each.id: each for each in versions.summaries_where(session, library, near_it)}
    return list(found.values())
