"""Names of adapters: which are allowed, and which adapter has one. A name is one of the adapter's settings."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from concepts.errors import AdapterExists, NameInvalid
from concepts.models import Adapter, Library
from concepts.names import check_name, name_key, shown

RESERVED = ("auto", "none")
"""Words that choose adapters."""
SHORTEST_HASH = 8
"""The least digits of a hash that name an adapter."""


def checked(name: str) -> str:
    """Return the name in NFC, stripped. Raises NameInvalid, also for a name that would be read as something else."""
    cleaned = check_name(name)
    if fault := _fault(cleaned):
        raise NameInvalid(f"The name {shown(cleaned)} {fault}.", "Give the adapter another name, for example: pets")
    return cleaned


def require_free(session: Session, library: Library, name: str, but: Adapter | None = None) -> None:
    """Raise AdapterExists if an adapter of the library, other than `but`, has the name."""
    for row in with_name(session, library, name):
        if row is not but:
            cause = f"Adapter {row.id} of the library has the name {shown(name)}."
            remedy = f"Choose another name, or rename that one: studio adapters rename {row.id} NAME"
            raise AdapterExists(cause, remedy)


def with_name(session: Session, library: Library, name: str) -> list[Adapter]:
    """Return the library's adapters with this name. More than one has it only if an older version named them."""
    key = name_key(name.strip())
    rows = session.scalars(select(Adapter).where(Adapter.library_id == library.id).order_by(Adapter.id))
    return [row for row in rows if key and name_key(str(row.settings.get("name") or "")) == key]


def rename(session: Session, library: Library, row: Adapter, name: str) -> None:
    """Give an adapter a name. Raises NameInvalid and AdapterExists."""
    cleaned = checked(name)
    require_free(session, library, cleaned, but=row)
    row.settings = {**row.settings, "name": cleaned}
    session.flush()


def _fault(name: str) -> str | None:
    key = name_key(name)
    if key.isdigit():
        return "would be read as a number"
    if len(key) >= SHORTEST_HASH and not set(key) - set("0123456789abcdef"):
        return "would be read as the start of a hash"
    if key in RESERVED:
        return "chooses an adapter by itself"
    if ":" in key:
        return "contains a colon, after which a scale stands"
    return "begins with a dash, as options do" if key.startswith("-") else None
