"""Libraries, as one owner sees them: every query starts from the owner's own."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from concepts.errors import LibraryExists, LibraryNotFound
from concepts.models import Concept, CurrentLibrary, Library
from concepts.names import check_name, name_key, shown
from concepts.records import LibraryRecord

DEFAULT = "default"
"""The library that is there from the beginning."""


def find_row(session: Session, owner: str, name: str) -> Library | None:
    """The owner's library of that name."""
    key = name_key(name.strip())
    return session.scalar(select(Library).where(Library.owner == owner, Library.name_key == key))


def get_row(session: Session, owner: str, name: str) -> Library:
    """The owner's library of that name. Raises LibraryNotFound."""
    if (row := find_row(session, owner, name)) is not None:
        return row
    known = ", ".join(shown(library.name) for library in list_rows(session, owner)[:10])
    cause = f"No library named {shown(name)}. There is: {known or 'none'}."
    raise LibraryNotFound(cause, "Make one with: studio library create NAME")


def list_rows(session: Session, owner: str) -> list[Library]:
    """The owner's libraries, by name."""
    return list(session.scalars(select(Library).where(Library.owner == owner).order_by(Library.name_key)))


def create_row(session: Session, owner: str, name: str, stack: str | None) -> Library:
    """A new, empty library. Raises NameInvalid or LibraryExists."""
    name = check_name(name, "library name")
    if (existing := find_row(session, owner, name)) is not None:
        cause = f"A library named {shown(existing.name)} is already there."
        raise LibraryExists(cause, "Choose another name, or work in it with: --library NAME")
    row = Library(owner=owner, name=name, name_key=name_key(name), stack=stack)
    session.add(row)
    session.flush()
    return row


def current_row(session: Session, owner: str) -> Library:
    """The library chosen last; where none was, the first that was made."""
    chosen = select(Library).join(CurrentLibrary, CurrentLibrary.library_id == Library.id)
    row = session.scalar(chosen.where(CurrentLibrary.owner == owner, Library.owner == owner))
    row = row or session.scalar(select(Library).where(Library.owner == owner).order_by(Library.id).limit(1))
    return row or get_row(session, owner, DEFAULT)


def choose_row(session: Session, owner: str, row: Library) -> None:
    """Make it the current one."""
    session.merge(CurrentLibrary(owner=owner, library_id=row.id))
    session.flush()


def library_record(session: Session, row: Library) -> LibraryRecord:
    """The library as it crosses the border."""
    count = session.scalar(select(func.count()).select_from(Concept).where(Concept.library_id == row.id)) or 0
    current = current_row(session, row.owner).id == row.id
    return LibraryRecord(row.id, row.name, row.stack, current, count, row.created_at)
