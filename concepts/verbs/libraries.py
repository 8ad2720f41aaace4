"""What a registry is asked about libraries and their members."""

from concepts.records import LibraryRecord, MemberRecord, RemovedLibrary
from concepts.rows import libraries, members
from concepts.rows.library_removal import clear
from concepts.verbs.view import View


class LibraryVerbs(View):
    """The verbs of libraries."""

    def create_library(self, name: str, stack: str | None = None) -> LibraryRecord:
        """Create an empty library that this user owns. Raises LibraryExists if the user owns one of that name."""
        row = libraries.create_row(self._session, self._user, name, stack)
        return self._library_record(row)

    def libraries(self) -> list[LibraryRecord]:
        """Return the libraries that this user can see: first the user's own by name, then others' by owner."""
        rows = libraries.list_rows(self._session, self._user)
        return [self._library_record(row) for row in rows]

    def owns_library(self) -> bool:
        """Return whether this user owns a library."""
        return libraries.find_own_row(self._session, self._user) is not None

    def find_library(self, name: str) -> LibraryRecord | None:
        """Return the library of that name (OWNER/NAME for another owner's), or None if the user cannot see it."""
        row = libraries.find_row(self._session, self._user, name)
        return None if row is None else self._library_record(row)

    def get_library(self, name: str) -> LibraryRecord:
        """Return the library of that name."""
        return self._library_record(self._library(name))

    def library_address(self, name: str | None = None) -> str:
        """Return this user's name for the library or the current one. A record takes longer: it counts concepts."""
        row = self._library(name) if name else libraries.current_row(self._session, self._user)
        return libraries.address(self._session, row)

    def library_stack(self, name: str) -> str | None:
        """Return the library's default stack. A record takes longer: it counts concepts."""
        return self._library(name).stack

    def use_library(self, name: str) -> LibraryRecord:
        """Make this library the user's current one."""
        row = self._library(name)
        libraries.choose_row(self._session, self._user, row)
        return self._library_record(row)

    def current_library(self) -> LibraryRecord:
        """Return the library that the user chose last, or else the first library that the user created."""
        return self._library_record(libraries.current_row(self._session, self._user))

    def set_library_stack(self, name: str, stack: str | None) -> LibraryRecord:
        """Set the library's default stack."""
        row = self._library(name, "editor")
        row.stack = stack
        self._session.flush()
        return self._library_record(row)

    def rename_library(self, name: str, new_name: str) -> LibraryRecord:
        """Rename a library. Raises LibraryExists if its owner has another library of that name."""
        row = self._library(name, "owner")
        libraries.rename_row(self._session, row, new_name)
        return self._library_record(row)

    def remove_library(self, name: str, agreed: bool = False) -> RemovedLibrary:
        """Delete a library for good. Raises LibraryNotEmpty if it has contents and `agreed` is False."""
        return clear(self._session, self._user, self._library(name, "owner"), agreed)

    def require_editor(self, name: str) -> None:
        """Raise NotPermitted unless this user may change the library's contents."""
        self._library(name, "editor")

    def share_library(self, name: str, user: str, role: str) -> MemberRecord:
        """Share the library with a user as `reader`, `editor` or `owner`. Raises NotPermitted for its first owner."""
        return members.share(self._session, self._library(name, "owner"), user, role)

    def unshare_library(self, name: str, user: str) -> MemberRecord:
        """Stop sharing the library with a user. Members may remove themselves.

        Raises:
            MemberNotFound: the library is not shared with that user.
            NotPermitted: the user is the library's first owner.
        """
        row = self._library(name, "reader" if user == self._user else "owner")
        return members.unshare(self._session, row, user)

    def members(self, name: str) -> list[MemberRecord]:
        """Return the library's owner, then its other members by name."""
        return members.records(self._session, self._library(name))
