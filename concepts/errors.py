"""Everything the registry can refuse, named by the situation.

Each error carries one line of cause and one line of remedy, and the exit code that the README lists.
"""


class ConceptError(Exception):
    """The root of what the registry raises. `exit_code` is what `studio` ends with."""

    exit_code = 1

    def __init__(self, cause: str, remedy: str):
        super().__init__(f"{cause} {remedy}")
        self.cause = cause
        self.remedy = remedy


class LibraryNotFound(ConceptError):
    """No library of that name is visible to this user: there is none, or it is not shared with them."""

    exit_code = 3


class ConceptNotFound(ConceptError):
    """No concept of that name, or no such version, is in the library."""

    exit_code = 3


class AdapterNotFound(ConceptError):
    """No such adapter is in the library."""

    exit_code = 3


class RunNotFound(ConceptError):
    """No such run is visible to this user."""

    exit_code = 3


class MemberNotFound(ConceptError):
    """The library is not shared with that user."""

    exit_code = 3


class LibraryExists(ConceptError):
    """A library of that name, as names compare, is already there."""

    exit_code = 4


class ConceptExists(ConceptError):
    """A concept of that name, as names compare, is already there with other content."""

    exit_code = 4


class ConceptChanged(ConceptError):
    """Somebody else wrote a new version of a concept meanwhile."""

    exit_code = 4


class LibraryNotEmpty(ConceptError):
    """A library is to be removed that holds something, and nobody agreed to that."""

    exit_code = 2


class ConceptAmbiguous(ConceptError):
    """Several concepts have the name, of which at least one was removed."""

    exit_code = 2


class NotPermitted(ConceptError):
    """The library is another's, who lets this user do less than that in it."""

    exit_code = 10


class NameInvalid(ConceptError):
    """A name or noun cannot be used as one."""

    exit_code = 5


class NounMissing(ConceptError):
    """A concept was given without its class noun."""

    exit_code = 5


class ImagesMissing(ConceptError):
    """A concept was given without a single image."""

    exit_code = 5


class DatabaseUnusable(ConceptError):
    """The database file is not ours, is damaged, or cannot be opened. It was left as it is."""

    exit_code = 7


class AddressInvalid(ConceptError):
    """What was given as the database's place cannot be one."""

    exit_code = 2


class ServersOwnTool(ConceptError):
    """Something is asked of a database on a server that the server's own tool does."""

    exit_code = 2


class DatabaseUnreachable(ConceptError):
    """The server does not answer, does not let this role in, or went away."""

    exit_code = 7


class DatabaseTooNew(DatabaseUnusable):
    """The database was written by a newer version. It was left as it is."""


class DatabaseBusy(ConceptError):
    """Another process kept the database for longer than we wait."""

    exit_code = 7


class Contended(DatabaseBusy):
    """Others wrote what this transaction had read. Nothing was kept; the same again may succeed."""


class StorageFailed(ConceptError):
    """The disk is full, read-only or failing. Nothing half done was kept."""

    exit_code = 7


class ContentDamaged(ConceptError):
    """Stored bytes are gone or no longer match the hash they are named by."""

    exit_code = 7
