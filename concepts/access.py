"""Who may see a library, and what they may do in it. Every query of the registry starts here."""

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from concepts.errors import NotPermitted
from concepts.models import Library, Member
from concepts.names import shown

ROLES = ("reader", "editor", "owner")
"""From the least to the most: to see and use, to write concepts as well, to share and remove as well."""

_MAY = {
    "reader": "see and use it",
    "editor": "change what is in it",
    "owner": "share, rename or remove it",
}


def visible(user: str) -> ColumnElement[bool]:
    """That a library is the user's own, or was shared with them."""
    shared = select(Member.library_id).where(Member.user == user)
    return or_(Library.owner == user, Library.id.in_(shared))


def role_in(session: Session, user: str, library: Library) -> str | None:
    """What the user is in the library; None where they may not see it."""
    if library.owner == user:
        return "owner"
    return session.scalar(select(Member.role).where(Member.library_id == library.id, Member.user == user))


def require_role(session: Session, user: str, library: Library, least: str) -> None:
    """Raise NotPermitted where the user is less than that in a library that they may see."""
    role = role_in(session, user, library) or ROLES[0]
    if ROLES.index(role) < ROLES.index(least):
        cause = f"You ({shown(user)}) are {_article(role)} {role} of {shown(f'{library.owner}/{library.name}')}: "
        cause += f"only {_article(least)} {least} may {_MAY[least]}."
        command = f"studio library share {library.name} {user} --role {least}"
        remedy = f"Ask {library.owner} for: {command}. Or copy concepts to a library of your own: studio concepts copy"
        raise NotPermitted(cause, remedy)


def _article(role: str) -> str:
    return "a" if role == "reader" else "an"
