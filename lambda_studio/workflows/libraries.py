"""What can be done with libraries as such: made, chosen, named, shared, removed."""

from concepts.records import LibraryRecord, MemberRecord, RemovedLibrary
from concepts.registry import Registry
from lambda_studio.workflows.workplace import Workplace


class LibraryUseCases:
    """The part of `Studio` that is about libraries."""

    workplace: Workplace

    @property
    def library(self) -> str:
        """The library that is worked in: its name, or OWNER/NAME where it is another's. Raises LibraryNotFound."""
        return self.workplace.library

    def create_library(self, name: str) -> LibraryRecord:
        """A new library, which remembers the stack if one was named."""
        stack = self.workplace.named_stack()
        return self.workplace.database.write(lambda registry: registry.create_library(name, stack))

    def libraries(self) -> list[LibraryRecord]:
        """The libraries that this user may see: their own by name, then others'."""
        with self.workplace.database.reading() as registry:
            return registry.libraries()

    def use_library(self, name: str) -> LibraryRecord:
        """Make a library the current one; it remembers the stack if one was named by somebody who may change it."""
        stack = self.workplace.named_stack()

        def use(registry: Registry) -> LibraryRecord:
            record = registry.use_library(name)
            return registry.set_library_stack(name, stack) if stack and record.role != "reader" else record

        return self.workplace.database.write(use)

    def rename_library(self, name: str, new_name: str) -> LibraryRecord:
        """Another name for a library. Raises LibraryExists, NameInvalid, NotPermitted."""
        return self.workplace.database.write(lambda registry: registry.rename_library(name, new_name))

    def remove_library(self, name: str, agreed: bool = False) -> RemovedLibrary:
        """Delete a library with all that is in it. Raises LibraryNotEmpty where nobody agreed to that."""
        from lambda_studio.workflows.subjects.removal import remove_library

        return remove_library(self.workplace, name, agreed)

    def share(self, name: str, user: str, role: str) -> MemberRecord:
        """Let somebody see a library, as `reader`, `editor` or `owner`. Raises NotPermitted, NameInvalid."""
        return self.workplace.database.write(lambda registry: registry.share_library(name, user, role))

    def unshare(self, name: str, user: str) -> MemberRecord:
        """Let somebody see it no longer. Raises MemberNotFound, NotPermitted."""
        return self.workplace.database.write(lambda registry: registry.unshare_library(name, user))

    def members(self, name: str) -> list[MemberRecord]:
        """Who may see a library, its owner first. Raises LibraryNotFound."""
        with self.workplace.database.reading() as registry:
            return registry.members(name)
