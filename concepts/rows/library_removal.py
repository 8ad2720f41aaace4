"""Deleting a library and its contents."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from concepts.errors import LibraryNotEmpty
from concepts.models import Adapter, Concept, Library, Run
from concepts.names import shown
from concepts.records import RemovedLibrary
from concepts.rows import removal, versions
from concepts.rows.blobs import collect
from concepts.rows.libraries import library_record


def contents(session: Session, user: str, library: Library) -> RemovedLibrary:
    """Return everything that would be deleted with the library."""
    adapters = session.scalars(select(Adapter.id).where(Adapter.library_id == library.id).order_by(Adapter.id))
    runs = session.scalars(select(Run.id).where(Run.library_id == library.id).order_by(Run.id))
    return RemovedLibrary(
        library=library_record(session, user, library),
        concepts=tuple(versions.names(session, library).values()),
        removed_concepts=tuple(each.name for each in removal.removed(session, library)),
        adapters=tuple(adapters),
        runs=tuple(runs),
        unused_files=_files_of_its_own(session, library),
    )


def clear(session: Session, user: str, library: Library, agreed: bool) -> RemovedLibrary:
    """Delete the library for good. Raises LibraryNotEmpty if it has contents and `agreed` is False."""
    goes = contents(session, user, library)
    if not agreed and (held := _told(goes)):
        cause = f"Library {shown(library.name)} is not empty: {held} would be deleted for good."
        raise LibraryNotEmpty(cause, f"To delete it all: studio library remove {library.name} --yes")
    shas = removal.content_of(session, Concept.library_id == library.id)
    session.delete(library)
    session.flush()
    collect(session, shas)
    return goes


def _files_of_its_own(session: Session, library: Library) -> tuple[str, ...]:
    other = select(Adapter.sha256).where(Adapter.library_id != library.id)
    own = select(Adapter.file_name).where(Adapter.library_id == library.id, Adapter.sha256.not_in(other))
    return tuple(session.scalars(own.order_by(Adapter.file_name)))


def _told(goes: RemovedLibrary) -> str:
    names = ", ".join(map(shown, goes.concepts[:5])) + (", …" if len(goes.concepts) > 5 else "")
    counts = {"concept": len(goes.concepts), "removed concept": len(goes.removed_concepts)}
    counts |= {"adapter": len(goes.adapters), "run": len(goes.runs)}
    told = [f"{number} {what}{'s' * (number > 1)}" for what, number in counts.items() if number]
    if goes.concepts:
        told[0] += f" ({names})"
    return ", ".join(told)
