"""Concepts that are hidden and can come back, or that are forgotten for good."""

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from concepts.errors import ConceptAmbiguous, ConceptExists, ConceptNotFound
from concepts.models import Concept, ConceptVersion, Library, Original, VersionImage, now
from concepts.names import check_name, name_key, shown
from concepts.records import ConceptRecord, ConceptSummary, ForgottenConcept, RemovedConcept
from concepts.rows import adapters, versions
from concepts.rows.blobs import collect, find_size
from concepts.rows.libraries import address


def remove(session: Session, library: Library, row: Concept) -> RemovedConcept:
    """Hide a concept and free its name. Its versions stay, and so do their bytes."""
    saw = adapters.that_saw(session, library, row)
    row.removed_at = now()
    session.flush()
    return RemovedConcept(_summary(session, library, row), tuple(saw))


def removed(session: Session, library: Library) -> list[ConceptSummary]:
    """The library's removed concepts by name; of one name, the one removed last comes first."""
    return versions.summaries_where(session, library, Concept.removed_at.is_not(None))


def restore(
    session: Session, library: Library, name: str, concept_id: int | None, new_name: str | None
) -> ConceptRecord:
    """Bring back what was removed: of several of one name the one removed last, or the one of that number."""
    candidates = _rows(session, library, name, Concept.removed_at.is_not(None))
    row = _of_number(library, candidates, name, concept_id) if concept_id is not None else next(iter(candidates), None)
    if row is None:
        raise _nothing_removed(session, library, name)
    wanted = check_name(new_name) if new_name is not None else row.name
    if (taken := versions.find_row(session, library, wanted)) is not None:
        cause = f"The name {shown(taken.name)} is in use again in library {shown(address(session, library))}."
        raise ConceptExists(cause, "Bring it back under another: studio concepts restore NAME --as NEW_NAME")
    row.name, row.name_key, row.removed_at = wanted, name_key(wanted), None
    session.flush()
    return versions.record(session, library, row)


def find(session: Session, library: Library, name: str, concept_id: int | None) -> Concept:
    """The one concept of that name, present or removed. Raises ConceptNotFound, ConceptAmbiguous."""
    candidates = _rows(session, library, name, Concept.id > 0)
    if not candidates:
        return versions.get_row(session, library, name)  # which says what there is
    if concept_id is not None:
        return _of_number(library, candidates, name, concept_id)
    if len(candidates) > 1:
        told = ", ".join(f"{row.id} ({'removed' if row.removed_at else 'in use'})" for row in candidates)
        cause = f"{len(candidates)} concepts are or were named {shown(name)} in this library: {told}."
        raise ConceptAmbiguous(cause, "Say which with --id; studio concepts list --removed tells more.")
    return candidates[0]


def forget(session: Session, library: Library, row: Concept) -> ForgottenConcept:
    """Delete a concept, all its versions, and every byte that nothing else needs."""
    saw, summary = adapters.that_saw(session, library, row), _summary(session, library, row)
    shas = content_of(session, ConceptVersion.concept_id == row.id)
    session.delete(row)
    session.flush()
    deleted = collect(session, shas)
    kept = tuple(sorted(sha for sha in shas if find_size(session, sha) is not None))
    return ForgottenConcept(summary, tuple(saw), deleted, kept)


def content_of(session: Session, condition: ColumnElement[bool]) -> set[str]:
    """The hashes of all images, masks and originals of such versions."""
    shown_in = select(VersionImage.image_sha, VersionImage.mask_sha).join(ConceptVersion).join(Concept)
    kept_of = select(Original.original_sha).join(ConceptVersion, Original.version_id == ConceptVersion.id).join(Concept)
    rows = [*session.execute(shown_in.where(condition)), *session.execute(kept_of.where(condition))]
    return {sha for row in rows for sha in row if sha is not None}


def _summary(session: Session, library: Library, row: Concept) -> ConceptSummary:
    return versions.summaries_where(session, library, Concept.id == row.id)[0]


def _rows(session: Session, library: Library, name: str, condition: ColumnElement[bool]) -> list[Concept]:
    """Concepts of that name: the present one first, then the removed ones, the last removed first."""
    query = select(Concept).where(Concept.library_id == library.id, Concept.name_key == name_key(name.strip()))
    newest = (Concept.removed_at.is_not(None), Concept.removed_at.desc(), Concept.id.desc())
    return list(session.scalars(query.where(condition).order_by(*newest)))


def _of_number(library: Library, candidates: list[Concept], name: str, concept_id: int) -> Concept:
    for row in candidates:
        if row.id == concept_id:
            return row
    known = ", ".join(str(row.id) for row in candidates) or "none"
    cause = f"No such concept named {shown(name)} has the number {concept_id}. There is: {known}."
    raise ConceptNotFound(cause, "See the numbers with: studio concepts list --removed")


def _nothing_removed(session: Session, library: Library, name: str) -> ConceptNotFound:
    cause = f"No concept named {shown(name)} was removed from library {shown(address(session, library))}."
    if (present := versions.find_row(session, library, name)) is not None:
        version = f"studio concepts restore {present.name} VERSION"
        return ConceptNotFound(f"{cause} {shown(present.name)} is there.", f"For an earlier version of it: {version}")
    return ConceptNotFound(cause, "See what was with: studio concepts list --removed")
