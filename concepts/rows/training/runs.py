"""Training runs: settings, concept versions and status."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from concepts.access import visible
from concepts.errors import RunFinished, RunNotFound
from concepts.models import Adapter, Concept, ConceptVersion, Library, Run, RunConcept, now
from concepts.records import RunRecord
from concepts.rows.libraries import address
from concepts.rows.training.lineage import Present, present, snapshots


def start(
    session: Session, library: Library, kind: str, settings: dict[str, Any], versions: Sequence[int],
    taken: Callable[[int], bool],
) -> int:  # fmt: skip
    """Store a new run under the next id that is not `taken`; return it.

    Raises ConceptNotFound for a version of another library.
    """
    row = _numbered(session, library, kind, settings)
    while taken(row.id):  # the database never gives a deleted row's id again, so each turn has a larger one
        session.delete(row)
        session.flush()
        row = _numbered(session, library, kind, settings)
    session.add_all(RunConcept(run_id=row.id, **seen) for seen in snapshots(session, library, versions))
    session.flush()
    return row.id


def _numbered(session: Session, library: Library, kind: str, settings: dict[str, Any]) -> Run:
    row = Run(library_id=library.id, kind=kind, status="running", settings=settings)
    session.add(row)
    session.flush()
    return row


def find_row(session: Session, user: str, run_id: int) -> tuple[Library, Run] | None:
    """Return a run in a library that the user can see, or None."""
    query = select(Library, Run).join(Run, Run.library_id == Library.id)
    found = session.execute(query.where(visible(user), Run.id == run_id)).one_or_none()
    return None if found is None else (found[0], found[1])


def get_row(session: Session, user: str, run_id: int) -> tuple[Library, Run]:
    """Return a run in a library that the user can see. Raises RunNotFound."""
    if (found := find_row(session, user, run_id)) is None:
        raise RunNotFound(f"No run has the number {run_id}.", "Give the number that studio finetune printed.")
    return found


def that_saw(session: Session, library: Library, concept: Concept) -> list[Run]:
    """Return the library's runs on any version of this concept, oldest first."""
    saw = select(RunConcept.run_id).join(ConceptVersion, RunConcept.version_id == ConceptVersion.id)
    ids = saw.where(ConceptVersion.concept_id == concept.id)
    return list(session.scalars(select(Run).where(Run.library_id == library.id, Run.id.in_(ids)).order_by(Run.id)))


def statuses(session: Session, run_ids: Collection[int]) -> dict[int, str]:
    """Return the status of each of these runs that exists, in any library."""
    found = session.execute(select(Run.id, Run.status).where(Run.id.in_(run_ids)))
    return {run_id: status for run_id, status in found}


def end(session: Session, row: Run, status: str, adapter: Adapter | None = None, why: str | None = None) -> None:
    """Store the run's final status."""
    row.status, row.why, row.ended_at = status, why, now()
    if adapter is not None:
        row.adapter_id = adapter.id
    session.flush()


def remove(session: Session, row: Run) -> None:
    """Delete a run. Raises RunFinished if it is finished and its adapter is there."""
    if row.status == "finished" and row.adapter_id is not None:
        cause = f"Run {row.id} is finished, and is part of the history of adapter {row.adapter_id}."
        raise RunFinished(cause, f"Remove the adapter first: studio adapters remove {row.adapter_id}")
    session.delete(row)
    session.flush()


def records(session: Session, library: Library) -> list[RunRecord]:
    """Return the library's runs, newest first."""
    concepts = present(session, library)
    rows = session.scalars(select(Run).where(Run.library_id == library.id).order_by(Run.id.desc()))
    return [_record(session, library, row, concepts) for row in rows]


def record(session: Session, library: Library, row: Run) -> RunRecord:
    """Return the run as a plain value."""
    return _record(session, library, row, present(session, library))


def _record(session: Session, library: Library, row: Run, concepts: Present) -> RunRecord:
    seen = select(RunConcept).where(RunConcept.run_id == row.id).order_by(RunConcept.position)
    return RunRecord(
        id=row.id,
        library=address(session, library),
        kind=row.kind,
        status=row.status,
        settings=row.settings,
        why=row.why,
        adapter_id=row.adapter_id,
        started_at=row.started_at,
        ended_at=row.ended_at,
        concepts=tuple(concepts.look_up(each) for each in session.scalars(seen)),
    )
