"""PostgreSQL's errors as the registry's: a cause, a remedy and never a password."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from concepts.errors import (
    AddressInvalid,
    ConceptError,
    Contended,
    DatabaseBusy,
    DatabaseUnreachable,
    DatabaseUnusable,
    StorageFailed,
)
from concepts.stores.sqlite_engine import BUSY_SECONDS

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_CONTENDED = {"40001", "40P01", "23505", "23503"}  # the registry checks before it writes: only others can conflict
_BUSY = {"55P03", "53300", "57014"}
_NO_ROOM = {"53100", "53200"}
_READ_ONLY = {"25006"}
_NO_RIGHTS = {"42501", "28000", "28P01", "3F000"}
_GONE = ("08", "25P03", "57P")
_DAMAGED = ("XX", "58", "42P01", "42P07")

_RAISED = "P0001"

_AGAIN = "Run the same command again."
_LET_IN = "Check the role and password (~/.pgpass or PGPASSWORD), or ask the administrator for access."
_REACH = "Check that the server runs, and the host and port in the address (STUDIO_DATABASE)."


@contextmanager
def postgres_errors(label: str) -> Iterator[None]:
    """Convert the server's errors to errors that name the database and a remedy. Other errors pass unchanged."""
    try:
        yield
    except DBAPIError as error:
        refusal = _refusal(error, label)
        if refusal is None:
            raise
        raise refusal from error


def _refusal(error: DBAPIError, label: str) -> ConceptError | None:
    code = getattr(error.orig, "sqlstate", None)
    said = str(error.orig).partition("\n")[0].strip()
    if code is None:  # the server was not reached, or the connection broke
        return _unreachable(said, label, type(error.orig).__name__)
    if code in _CONTENDED:
        return Contended(f"Other users kept changing the same rows of {label}.", _AGAIN)
    if code in _BUSY:
        cause = f"{label} was busy for longer than {BUSY_SECONDS} seconds, or has too many connections ({said})."
        return DatabaseBusy(cause, "Wait for the others to finish, then run the same command again.")
    if code in _NO_ROOM:
        return StorageFailed(f"The server of {label} has no free space ({said}).", "Free some space there.")
    if code in _READ_ONLY:
        return StorageFailed(
            f"{label} cannot be written ({said}).", "If the server is a standby, name the primary server."
        )
    if code in _NO_RIGHTS:
        remedy = "Ask the database's owner for: GRANT the owner's role TO this role; see docs/libraries.md."
        return DatabaseUnusable(f"{label} does not allow that ({said}).", remedy)
    if code == _RAISED:
        return DatabaseUnusable(f"{label} refused the change ({said}).", "Ask its owner: a trigger there refuses it.")
    if code.startswith(_GONE):
        return DatabaseUnreachable(f"The connection to {label} was lost ({said}).", f"Check the result. {_AGAIN}")
    if code.startswith(_DAMAGED):
        return DatabaseUnusable(f"{label} is damaged ({said}).", "Restore a dump with pg_restore.")
    return None


def _unreachable(said: str, label: str, kind: str) -> ConceptError | None:
    if kind == "ProgrammingError" and said.startswith(("bad value for", "invalid connection option")):
        return AddressInvalid(f"The address of {label} cannot be used: {said}.", "See libpq's connection parameters.")
    if kind == "DataError":
        return DatabaseUnusable(f"A value in {label} cannot be read ({said}).", "See which: studio db check.")
    if kind != "OperationalError":
        return None
    told = said.removeprefix("connection failed: ")
    if "does not exist" in told and "database" in told:
        return DatabaseUnreachable(f"{label}: {told}.", "Create the database with createdb, or name another.")
    if any(word in told for word in ("authentication", "password", "role ", "pg_hba", "permission denied")):
        return DatabaseUnreachable(f"{label} does not let you in: {told}.", _LET_IN)
    return DatabaseUnreachable(f"{label} cannot be reached: {told}.", _REACH)
