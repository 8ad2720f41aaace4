"""What a PostgreSQL server refuses, in our words: one line of cause, one of remedy, and never a password."""

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
_CONTENDED = {"40001", "40P01", "23505", "23503"}  # the registry looks before it writes: only others can be in the way
_BUSY = {"55P03", "53300", "57014"}
_NO_ROOM = {"53100", "53200"}
_READ_ONLY = {"25006"}
_NO_RIGHTS = {"42501", "28000", "28P01", "3F000"}
_GONE = ("08", "57P")
_DAMAGED = ("XX", "58", "42P01")

_AGAIN = "Give the same command again."
_LET_IN = "Check the role and its password (~/.pgpass or PGPASSWORD), and ask whoever keeps the server to let it in."
_REACH = "Check that the server runs, and the host and port in the address (STUDIO_DATABASE or --database)."


@contextmanager
def postgres_errors(label: str) -> Iterator[None]:
    """Turn what the server refuses into errors that name the database and the remedy; others pass as they are."""
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
    if code is None:  # it was never reached, or the connection broke
        return _unreachable(said, label, type(error.orig).__name__)
    if code in _CONTENDED:
        return Contended(f"Others kept changing what this changes in {label}.", _AGAIN)
    if code in _BUSY:
        cause = f"{label} was busy for longer than {BUSY_SECONDS} seconds, or has too many connections ({said})."
        return DatabaseBusy(cause, "Wait for the others to finish, and give the same command again.")
    if code in _NO_ROOM:
        return StorageFailed(f"The server of {label} has no room ({said}).", "Free some there, and try again.")
    if code in _READ_ONLY:
        return StorageFailed(f"{label} cannot be written ({said}).", "Is it a standby? Name the primary server.")
    if code in _NO_RIGHTS:
        remedy = "Let its owner say: GRANT the database's owner TO this role; see the README, For a team."
        return DatabaseUnusable(f"{label} does not allow that ({said}).", remedy)
    if code.startswith(_GONE):
        return DatabaseUnreachable(f"The connection to {label} was lost ({said}).", f"See what was done. {_AGAIN}")
    if code.startswith(_DAMAGED):
        return DatabaseUnusable(f"{label} is damaged ({said}).", "Restore a dump with pg_restore.")
    return None


def _unreachable(said: str, label: str, kind: str) -> ConceptError | None:
    if kind == "ProgrammingError" and "connection option" in said:
        return AddressInvalid(f"The address of {label} has an {said}.", "See libpq's connection parameters.")
    if kind != "OperationalError":
        return None
    told = said.removeprefix("connection failed: ")
    if "does not exist" in told and "database" in told:
        return DatabaseUnreachable(f"{label}: {told}.", "Make it with createdb, or name another.")
    if any(word in told for word in ("authentication", "password", "role ", "pg_hba", "permission denied")):
        return DatabaseUnreachable(f"{label} does not let you in: {told}.", _LET_IN)
    return DatabaseUnreachable(f"{label} cannot be reached: {told}.", _REACH)
