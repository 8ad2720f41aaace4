"""Removing concepts (hidden, can be restored) and forgetting concepts (deleted for good)."""

import shlex
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from concepts.errors import ConceptAmbiguous, ConceptExists, ConceptNotFound
from concepts.models import Concept, ConceptVersion, Library, Original, VersionImage, now
from concepts.names import check_name, name_key, shown
from concepts.records import FORGOTTEN, ConceptRecord, ConceptSummary, ForgottenConcept, RemovedConcept
from concepts.rows import versions
from concepts.rows.blobs import collect, find_size
from concepts.rows.libraries import address
from concepts.rows.training import adapters, runs


def remove(session: Session, library: Library, row: Concept) -> RemovedConcept:
    """Hide a concept and free its name. Its versions and their bytes stay."""
    saw = adapters.that_saw(session, library, row)
    row.removed_at = _after_every_removal(session, library)
    session.flush()
    return RemovedConcept(_summary(session, library, row), tuple(saw))


def _after_every_removal(session: Session, library: Library) -> datetime:
    """Return the current time, or a later one if the clock was set back: the order of removals is that of time."""
    newest = session.scalar(select(func.max(Concept.removed_at)).where(Concept.library_id == library.id))
    return now() if newest is None else max(now(), newest + timedelta(microseconds=1))


def removed(session: Session, library: Library) -> list[ConceptSummary]:
    """Return the library's removed concepts by name, newest removal first."""
    return versions.summaries_where(session, library, Concept.removed_at.is_not(None))


def restore(
    session: Session, library: Library, name: str, concept_id: int | None, new_name: str | None
) -> ConceptRecord:
    """Bring back a removed concept: the one with that id, or the last removed. Raises as `Registry.restore_concept`."""
    candidates = versions.rows_of_name(session, library, name, Concept.removed_at.is_not(None))
    row = _of_number(library, candidates, name, concept_id) if concept_id is not None else next(iter(candidates), None)
    if row is None:
        raise _nothing_removed(session, library, name)
    wanted = check_name(new_name) if new_name is not None else row.name
    if (taken := versions.find_row(session, library, wanted)) is not None:
        cause = f"The name {shown(taken.name)} is in use again in library {shown(address(session, library))}."
        command = f"studio concepts restore {shlex.quote(row.name)} --as NEW_NAME"
        raise ConceptExists(cause, f"Restore it under another name: {command}")
    row.name, row.name_key, row.removed_at = wanted, name_key(wanted), None
    session.flush()
    return versions.record(session, library, row)


def find(session: Session, library: Library, name: str, concept_id: int | None) -> Concept:
    """Return the only concept of that name, removed or not. Raises as `Registry.find_to_forget`."""
    candidates = versions.rows_of_name(session, library, name, Concept.id > 0)
    if not candidates:
        return versions.get_row(session, library, name)  # raises, with similar names
    if concept_id is not None:
        return _of_number(library, candidates, name, concept_id)
    if len(candidates) > 1:
        told = ", ".join(f"{row.id} ({'removed' if row.removed_at else 'in use'})" for row in candidates)
        cause = f"{len(candidates)} concepts in this library have the name {shown(name)}: {told}."
        raise ConceptAmbiguous(cause, "Choose one with --id; see studio concepts list --removed.")
    return candidates[0]


def forget(session: Session, library: Library, row: Concept) -> ForgottenConcept:
    """Delete a concept, all its versions, and every blob that nothing else uses. Its unfinished runs fail."""
    saw, summary = adapters.that_saw(session, library, row), _summary(session, library, row)
    of_it = select(ConceptVersion.manifest).where(ConceptVersion.concept_id == row.id)
    manifests = tuple(session.scalars(of_it.order_by(ConceptVersion.number)))
    runs_of_it = runs.that_saw(session, library, row)
    unfinished = [run for run in runs_of_it if run.status == "running"]
    for run in unfinished:
        runs.end(session, run, "failed", why=f"{row.name} {FORGOTTEN}")
    shas = content_of(session, ConceptVersion.concept_id == row.id)
    session.delete(row)
    session.flush()
    deleted = collect(session, shas)
    kept = tuple(sorted(sha for sha in shas if find_size(session, sha) is not None))
    numbers = tuple(run.id for run in runs_of_it)
    failed = tuple(run.id for run in unfinished)
    return ForgottenConcept(summary, tuple(saw), deleted, kept, numbers, failed, manifests)


def content_of(session: Session, condition: ColumnElement[bool]) -> set[str]:
    """Return the hashes of all images, masks and originals of the versions that match."""
    shown_in = select(VersionImage.image_sha, VersionImage.mask_sha).join(ConceptVersion).join(Concept)
    kept_of = select(Original.original_sha).join(ConceptVersion, Original.version_id == ConceptVersion.id).join(Concept)
    rows = [*session.execute(shown_in.where(condition)), *session.execute(kept_of.where(condition))]
    return {sha for row in rows for sha in row if sha is not None}


def _summary(session: Session, library: Library, row: Concept) -> ConceptSummary:
    return versions.summaries_where(session, library, Concept.id == row.id)[0]


def _of_number(library: Library, candidates: list[Concept], name: str, concept_id: int) -> Concept:
    for row in candidates:
        if row.id == concept_id:
            return row
    known = ", ".join(str(row.id) for row in candidates) or "none"
    cause = f"No such concept named {shown(name)} has the id {concept_id}. Known ids: {known}."
    raise ConceptNotFound(cause, "See the ids with: studio concepts list --removed")


def _nothing_removed(session: Session, library: Library, name: str) -> ConceptNotFound:
    cause = f"No concept named {shown(name)} was removed from library {shown(address(session, library))}."
    if (present := versions.find_row(session, library, name)) is not None:
        version = f"studio concepts restore {present.name} VERSION"
        return ConceptNotFound(f"{cause} {shown(present.name)} is in use.", f"For an earlier version of it: {version}")
    return ConceptNotFound(cause, "See the removed concepts with: studio concepts list --removed")
