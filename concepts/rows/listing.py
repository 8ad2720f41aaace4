"""Queries for a few concepts of a large library: pages, text search and similar names."""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from concepts.models import Concept, Library
from concepts.names import name_key
from concepts.records import ConceptPage, ConceptSummary
from concepts.rows import versions


def page(session: Session, library: Library, text: str, after: str, limit: int | None) -> ConceptPage:
    """Return the first `limit` concepts by name (None: all) that contain `text` and sort after `after`."""
    wanted = select(Concept.id).where(versions.in_use(library)).order_by(Concept.name_key)
    if key := name_key(text.strip()):
        wanted = wanted.where(Concept.name_key.contains(key, autoescape=True))
    if after:
        wanted = wanted.where(Concept.name_key > name_key(after.strip()))
    if limit is not None:
        wanted = wanted.limit(limit + 1)  # one extra row shows whether more follow
    found = versions.summaries_where(session, library, Concept.id.in_(wanted.scalar_subquery()))
    return ConceptPage(tuple(found[:limit]), more=limit is not None and len(found) > limit)


def near(session: Session, library: Library, names: Iterable[str]) -> list[ConceptSummary]:
    """Return the concepts of these names and their alphabetical neighbours, without duplicates."""
    found: dict[int, ConceptSummary] = {}
    for name in names:
        near_it = versions.in_use(library) & Concept.name_key.in_(versions.near_names(session, library, name))
        found |= {each.id: each for each in versions.summaries_where(session, library, near_it)}
    return list(found.values())
