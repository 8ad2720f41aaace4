"""The registry's errors, named by the situation.

Each error carries one line of cause, one line of remedy and an exit code; see `docs/troubleshooting.md`.
"""


class ConceptError(Exception):
    """The base class of the registry's errors. `exit_code` is the exit code of `studio`."""

    exit_code = 1

    def __init__(self, cause: str, remedy: str):
        super().__init__(f"{cause} {remedy}")
        self.cause = cause
        self.remedy = remedy


class LibraryNotFound(ConceptError):
    """No library of that name exists, or the library is not shared with this user."""

    exit_code = 3


class ConceptNotFound(ConceptError):
    """The library has no concept of that name, or the concept has no such version."""

    exit_code = 3


class AdapterNotFound(ConceptError):
    """The library has no such adapter."""

    exit_code = 3


class RunNotFound(ConceptError):
    """No such run exists in a library that this user can see."""

    exit_code = 3


class RunFinished(ConceptError):
    """The run made an adapter that the library still has, so it cannot be removed."""

    exit_code = 2


class MemberNotFound(ConceptError):
    """The library is not shared with that user."""

    exit_code = 3


class LibraryExists(ConceptError):
    """A library with the same name exists. Names compare by `names.name_key`."""

    exit_code = 4


class ConceptExists(ConceptError):
    """A concept with the same name and other content exists. Names compare by `names.name_key`."""

    exit_code = 4


class AdapterExists(ConceptError):
    """An adapter with the same name exists. Names compare by `names.name_key`."""

    exit_code = 4


class ConceptChanged(ConceptError):
    """Another user or process wrote a new version of the concept in the meantime."""

    exit_code = 4


class LibraryNotEmpty(ConceptError):
    """Removing the library would delete its contents, and the caller did not confirm."""

    exit_code = 2


class ConceptAmbiguous(ConceptError):
    """Several concepts have this name, and at least one of them was removed."""

    exit_code = 2


class NotPermitted(ConceptError):
    """The user's role in the library is too low."""

    exit_code = 10


class NameInvalid(ConceptError):
    """A name or noun contains characters that are not allowed, is empty or is too long."""

    exit_code = 5


class NounMissing(ConceptError):
    """A concept was given without its class noun."""

    exit_code = 5


class ImagesMissing(ConceptError):
    """A concept was given without images."""

    exit_code = 5


class DatabaseUnusable(ConceptError):
    """The database is damaged, belongs to another program or cannot be opened. It was not changed."""

    exit_code = 7


class AddressInvalid(ConceptError):
    """The database's address is neither a path nor the URL of a supported database."""

    exit_code = 2


class ServersOwnTool(ConceptError):
    """The operation on this server needs PostgreSQL's own tool."""

    exit_code = 2


class DatabaseUnreachable(ConceptError):
    """The server does not answer, rejects this role, or closed the connection."""

    exit_code = 7


class DatabaseTooNew(DatabaseUnusable):
    """A newer version wrote the database. It was not changed."""


class DatabaseBusy(ConceptError):
    """Another process held the database for longer than the timeout."""

    exit_code = 7


class Contended(DatabaseBusy):
    """The transaction conflicted with another writer. It was rolled back; a re-run may succeed."""


class StorageFailed(ConceptError):
    """The disk is full, read-only or failing. No partial result was kept."""

    exit_code = 7


class ContentDamaged(ConceptError):
    """Stored bytes are missing or do not match their SHA-256."""

    exit_code = 7
