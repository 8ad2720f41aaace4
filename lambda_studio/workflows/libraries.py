"""`studio.libraries`: libraries as such are made, chosen, named, shared, removed, written into bundles and filled."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from concepts.names import name_key
from concepts.records import LibraryRecord, MemberRecord, RemovedLibrary
from concepts.registry import Registry
from lambda_studio.config import require
from lambda_studio.errors import BundleRefused
from lambda_studio.workflows.answers import Exported, Imported
from lambda_studio.workflows.home import adapters_folder, run_folder
from lambda_studio.workflows.workplace import Workplace


class Libraries:
    """The libraries that the user may see."""

    def __init__(self, workplace: Workplace):
        self._place = workplace

    def create(self, name: str) -> LibraryRecord:
        """Make a new library, which remembers the stack if one was named."""
        stack = self._place.named_stack()
        return self._place.database.write(lambda registry: registry.create_library(name, stack))

    def use(self, name: str) -> LibraryRecord:
        """Make a library the current one; it remembers the stack if one was named by somebody who may change it."""
        stack = self._place.named_stack()

        def use(registry: Registry) -> LibraryRecord:
            record = registry.use_library(name)
            return registry.set_library_stack(name, stack) if stack and record.role != "reader" else record

        return self._place.database.write(use)

    def rename(self, name: str, new_name: str) -> LibraryRecord:
        """Give a library another name. Raises LibraryExists, NameInvalid, NotPermitted."""
        return self._place.database.write(lambda registry: registry.rename_library(name, new_name))

    def remove(self, name: str, agreed: bool = False) -> RemovedLibrary:
        """Delete a library with all that is in it. Raises LibraryNotEmpty where nobody agreed to that."""
        home = self._place.home
        removed = self._place.database.write(lambda registry: registry.remove_library(name, agreed))
        for file_name in removed.unused_files:
            (adapters_folder(home) / file_name).unlink(missing_ok=True)
        for run_id in removed.runs:
            shutil.rmtree(run_folder(home, run_id), ignore_errors=True)
        return removed

    def share(self, name: str, user: str, role: str = "reader") -> MemberRecord:
        """Let another user see a library, as `reader`, `editor` or `owner`. Raises NotPermitted, NameInvalid."""
        return self._place.database.write(lambda registry: registry.share_library(name, user, role))

    def unshare(self, name: str, user: str) -> MemberRecord:
        """Let another user see it no longer. Raises MemberNotFound, NotPermitted."""
        return self._place.database.write(lambda registry: registry.unshare_library(name, user))

    def members(self, name: str) -> list[MemberRecord]:
        """Return who may see a library, its owner first. Raises LibraryNotFound."""
        with self._place.database.reading() as registry:
            return registry.members(name)

    def export(
        self, names: Sequence[str], out: Path, *, pictures: bool = True, sign_with: Path | None = None
    ) -> Exported:
        """Write the named concepts (none: all) into a bundle, the same bytes every time; never over another file.

        Args:
            pictures: False leaves them out; the bundle then holds what prompts use, one embedding of each concept.
            sign_with: the file of an Ed25519 key.

        Raises:
            ConceptNotFound, OutputExists, StorageFailed; InvalidSetting for a key that cannot be used, or where `out`
                does not end in .zip.
        """
        from lambda_studio.bundles.signing import read_private_key
        from lambda_studio.workflows.bundles.export import require_free, write_bundle

        require_free(out)
        key = read_private_key(sign_with) if sign_with else None
        chosen = names or [summary.name for summary in self._place.concepts()]
        require(
            bool(chosen), f"Library {self._place.library} has no concepts to export.", "Add one: studio add-concept"
        )
        concepts = sorted(self._place.get_concepts(chosen), key=lambda concept: name_key(concept.name))
        return write_bundle(self._place, concepts, out, pictures, key)

    def import_(self, source: Path, *, on_conflict: str = "fail", trusted_keys: Sequence[Path] = ()) -> Imported:
        """Take in a bundle, or a folder of pictures in a known layout: everything that is in it, or nothing.

        Args:
            on_conflict: where a name has other content here: "fail", "rename" or "skip".
            trusted_keys: files of public keys; given any, only a bundle that one of them signed is taken.

        Raises:
            BundleRefused with everything that is wrong, ConceptExists, InvalidSetting for a key that cannot be used,
                StorageFailed.
        """
        from lambda_studio.bundles.signing import read_public_key
        from lambda_studio.workflows.bundles.from_bundle import open_bundle
        from lambda_studio.workflows.bundles.from_folder import open_folder
        from lambda_studio.workflows.bundles.import_ import store

        trusted = [read_public_key(path) for path in trusted_keys]
        is_folder = os.path.isdir(source) or source.suffix.lower() == ".json"
        if is_folder and trusted:
            cause = f"{source} cannot be imported: a folder is not signed, and a trusted key was given."
            raise BundleRefused(cause, "Give a signed bundle, or leave --trusted-key out.")
        opened = open_folder(self._place, source) if is_folder else open_bundle(self._place, source, trusted)
        with opened as (concepts, size, signature):
            self._place.database.store.require_room(2 * size, f"Importing {source}")
            imported = store(self._place, concepts, on_conflict)
        return Imported(self._place.library, imported, signature.signer if signature else None, bool(trusted))

    def list(self) -> list[LibraryRecord]:
        """Return the libraries that this user may see: their own by name, then others'."""
        with self._place.database.reading() as registry:
            return registry.libraries()
