"""A few of a library's concepts, however many it has: a page, what a word finds, what has nearly a given name."""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from concepts.models import Concept, Library
from concepts.names import name_key
from concepts.records import ConceptPage, ConceptSummary
from concepts.rows import versions


def page(session: Session, library: Library, text: str, after: str, limit: int | None) -> ConceptPage:
    """The first `limit` (None: all) concepts by name, of those whose names hold `text` and come after `after`."""
    wanted = select(Concept.id).where(versions.in_use(library)).order_by(Concept.name_key)
    if key := name_key(text.strip()):
        wanted = wanted.where(Concept.name_key.contains(key, autoescape=True))
    if after:
        wanted = wanted.where(Concept.name_key > name_key(after.strip()))
    if limit is not None:
        wanted = wanted.limit(limit + 1)  # one more tells whether there are more
    found = versions.summaries_where(session, library, Concept.id.in_(wanted.scalar_subquery()))
    return ConceptPage(tuple(found[:limit]), more=limit is not None and len(found) > limit)


def near(session: Session, library: Library, names: Iterable[str]) -> list[ConceptSummary]:
    """The concepts of these names and those next to them in the alphabet, each once: all of a small library."""
    found: dict[int, ConceptSummary] = {}
    for name in names:
        near_it = versions.in_use(library) & Concept.name_key.in_(versions.near_names(session, library, name))
        found |= {each.id: each for each in versions.summaries_where(session, library, near_it)}
    return list(found.values())
