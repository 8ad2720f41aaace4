"""The users with whom a library is shared."""

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from concepts.access import ROLES
from concepts.errors import MemberNotFound, NotPermitted
from concepts.models import Library, Member
from concepts.names import shown
from concepts.records import MemberRecord
from concepts.users import check_user


def share(session: Session, library: Library, user: str, role: str) -> MemberRecord:
    """Share a library with a user in this role, or change the role. Raises as `Registry.share_library`."""
    if role not in ROLES:
        raise ValueError(f"{role!r} is not one of {ROLES}")
    user = _but_the_owner(library, user)
    member = session.merge(Member(library_id=library.id, user=user, role=role))
    session.flush()
    return MemberRecord(member.user, member.role)


def unshare(session: Session, library: Library, user: str) -> MemberRecord:
    """Stop sharing a library with a user. Raises as `Registry.unshare_library`."""
    user = _but_the_owner(library, user)
    member = session.get(Member, (library.id, user))
    if member is None:
        known = ", ".join(shown(each.user) for each in records(session, library)[1:]) or "nobody"
        cause = f"Library {shown(library.name)} is not shared with {shown(user)}. It is shared with: {known}."
        raise MemberNotFound(cause, f"See: studio library members {library.name}")
    session.execute(delete(Member).where(Member.library_id == library.id, Member.user == user))
    return MemberRecord(member.user, member.role)


def records(session: Session, library: Library) -> list[MemberRecord]:
    """Return the library's owner, then its members by name."""
    rows = session.scalars(select(Member).where(Member.library_id == library.id).order_by(Member.user))
    return [MemberRecord(library.owner, "owner"), *(MemberRecord(row.user, row.role) for row in rows)]


def _but_the_owner(library: Library, user: str) -> str:
    user = check_user(user)
    if user == library.owner:
        cause = f"Library {shown(library.name)} belongs to {shown(user)}, whose role cannot change."
        raise NotPermitted(cause, "Name another user.")
    return user
