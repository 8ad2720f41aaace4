"""Roles in a library. Every query of the registry starts with `visible`."""

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from concepts.errors import NotPermitted
from concepts.models import Library, Member
from concepts.names import shown

ROLES = ("reader", "editor", "owner")
"""Each role includes the one before: `reader` sees and uses, `editor` writes, `owner` shares, renames and removes."""

_MAY = {
    "reader": "see and use it",
    "editor": "change its contents",
    "owner": "share, rename or remove it",
}


def visible(user: str) -> ColumnElement[bool]:
    """Return the condition that a library belongs to the user or is shared with them."""
    shared = select(Member.library_id).where(Member.user == user)
    return or_(Library.owner == user, Library.id.in_(shared))


def role_in(session: Session, user: str, library: Library) -> str | None:
    """Return the user's role in the library, or None if the user cannot see it."""
    if library.owner == user:
        return "owner"
    return session.scalar(select(Member.role).where(Member.library_id == library.id, Member.user == user))


def require_role(session: Session, user: str, library: Library, least: str) -> None:
    """Raise NotPermitted if the user's role in a library they can see is lower than `least`."""
    role = role_in(session, user, library) or ROLES[0]
    if ROLES.index(role) < ROLES.index(least):
        cause = f"You ({shown(user)}) are {_article(role)} {role} of {shown(f'{library.owner}/{library.name}')}: "
        cause += f"only {_article(least)} {least} may {_MAY[least]}."
        command = f"studio library share {library.name} {user} --role {least}"
        remedy = f"Ask {library.owner} for: {command}. Or copy concepts to a library of your own: studio concepts copy"
        raise NotPermitted(cause, remedy)


def _article(role: str) -> str:
    return "a" if role == "reader" else "an"
