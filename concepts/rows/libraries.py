"""Libraries, as one user sees them. Every query starts with `access.visible`."""

import unicodedata

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from concepts.access import role_in, visible
from concepts.errors import LibraryExists, LibraryNotFound
from concepts.models import Concept, CurrentLibrary, Library
from concepts.names import name_key, shown
from concepts.records import LibraryRecord
from concepts.users import check_owned_name

DEFAULT = "default"
"""The library that every user has from the start."""


def address(session: Session, row: Library) -> str:
    """Return the session user's name for a library: NAME, or OWNER/NAME for another owner's library."""
    return row.name if row.owner == session.info["user"] else f"{row.owner}/{row.name}"


def find_row(session: Session, user: str, name: str) -> Library | None:
    """Return the user's own library of that name, or the visible library OWNER/LIBRARY, or None."""
    if (own := _of_owner(session, user, user, name)) is not None:
        return own  # first, because names from older versions may contain a slash
    owner, slash, rest = name.partition("/")
    return _of_owner(session, user, owner, rest) if slash else None


def get_row(session: Session, user: str, name: str) -> Library:
    """Return the library that `find_row` finds. Raises LibraryNotFound; the message never reveals a hidden library."""
    if (row := find_row(session, user, name)) is not None:
        return row
    known = ", ".join(shown(address(session, library)) for library in list_rows(session, user)[:10])
    cause = f"No library named {shown(name)}. You have: {known or 'none'}."
    raise LibraryNotFound(cause, "Make one with: studio library create NAME")


def list_rows(session: Session, user: str) -> list[Library]:
    """Return the libraries that the user can see: first the user's own by name, then others' by owner."""
    by_owner = (Library.owner != user, Library.owner, Library.name_key)
    return list(session.scalars(select(Library).where(visible(user)).order_by(*by_owner)))


def create_row(session: Session, user: str, name: str, stack: str | None) -> Library:
    """Create an empty library that the user owns. Raises as `Registry.create_library`."""
    name = check_owned_name(name, "library name")
    _refuse_taken(session, user, name)
    row = Library(owner=user, name=name, name_key=name_key(name), stack=stack)
    session.add(row)
    session.flush()
    return row


def rename_row(session: Session, row: Library, new_name: str) -> None:
    """Rename a library. Raises as `Registry.rename_library`."""
    new_name = check_owned_name(new_name, "library name")
    _refuse_taken(session, row.owner, new_name, but=row)
    row.name, row.name_key = new_name, name_key(new_name)
    session.flush()


def find_current_row(session: Session, user: str) -> Library | None:
    """Return the library chosen last. If none is chosen or visible, return the first library that the user created."""
    chosen = select(Library).join(CurrentLibrary, CurrentLibrary.library_id == Library.id)
    row = session.scalar(chosen.where(CurrentLibrary.owner == user, visible(user)))
    return row or find_own_row(session, user)


def find_own_row(session: Session, user: str) -> Library | None:
    """Return the oldest library that the user owns, or None."""
    return session.scalar(select(Library).where(Library.owner == user).order_by(Library.id).limit(1))


def current_row(session: Session, user: str) -> Library:
    """Return the library that `find_current_row` finds. Raises LibraryNotFound for a user without one."""
    return find_current_row(session, user) or get_row(session, user, DEFAULT)


def choose_row(session: Session, user: str, row: Library) -> None:
    """Make the library the user's current one."""
    session.merge(CurrentLibrary(owner=user, library_id=row.id))
    session.flush()


def library_record(session: Session, user: str, row: Library) -> LibraryRecord:
    """Return the library as a plain value."""
    in_use = select(func.count()).select_from(Concept).where(Concept.library_id == row.id, Concept.removed_at.is_(None))
    return LibraryRecord(
        id=row.id,
        name=row.name,
        owner=row.owner,
        address=address(session, row),
        role=role_in(session, user, row) or "",
        stack=row.stack,
        current=find_current_row(session, user) is row,
        concept_count=session.scalar(in_use) or 0,
        created_at=row.created_at,
    )


def _of_owner(session: Session, user: str, owner: str, name: str) -> Library | None:
    of_owner = Library.owner == unicodedata.normalize("NFC", owner.strip())
    return session.scalar(select(Library).where(visible(user), of_owner, Library.name_key == name_key(name.strip())))


def _refuse_taken(session: Session, owner: str, name: str, but: Library | None = None) -> None:
    taken = session.scalar(select(Library).where(Library.owner == owner, Library.name_key == name_key(name)))
    if taken is not None and taken is not but:
        cause = f"A library named {shown(taken.name)} is already there."
        raise LibraryExists(cause, "Choose another name, or work in it with: library=NAME")
