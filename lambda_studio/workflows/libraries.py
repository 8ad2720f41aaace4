"""`studio.libraries`: create, use, rename, share and remove libraries; export and import bundles."""

import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from concepts.errors import ConceptExists
from concepts.names import name_key
from concepts.records import LibraryRecord, MemberRecord, RemovedLibrary
from concepts.registry import Registry
from lambda_studio.bundles.layouts.plan import Plan
from lambda_studio.config import require
from lambda_studio.errors import BundleRefused
from lambda_studio.workflows.answers.bundles import Exported, Imported, ImportedConcept
from lambda_studio.workflows.home import adapters_folder
from lambda_studio.workflows.run_files import delete_run, holding, in_use, require_deleted
from lambda_studio.workflows.workplace import Workplace

if TYPE_CHECKING:
    from lambda_studio.workflows.bundles.incoming import Incoming

TRAINING = "Wait for its end or stop it with Ctrl-C, then remove the library again."


def unplanned(plan: Plan) -> None:
    """Ignore the plan of an import."""


class Libraries:
    """The libraries that the user can see."""

    def __init__(self, workplace: Workplace):
        self._place = workplace

    def create(self, name: str) -> LibraryRecord:
        """Create a library. It remembers the stack if the user named one."""
        stack = self._place.named_stack()
        return self._place.database.write(lambda registry: registry.create_library(name, stack))

    def use(self, name: str) -> LibraryRecord:
        """Make a library the current one. It remembers the stack if the user named one and is not a reader."""
        stack = self._place.named_stack()

        def use(registry: Registry) -> LibraryRecord:
            record = registry.use_library(name)
            return registry.set_library_stack(name, stack) if stack and record.role != "reader" else record

        used = self._place.database.write(use)
        if stack and used.role == "reader":
            self._place.notify(f"You may read {used.name} only, so its stack stays {used.stack or 'the default'}.")
        return used

    def rename(self, name: str, new_name: str) -> LibraryRecord:
        """Give a library another name. Raises LibraryExists, NameInvalid, NotPermitted."""
        return self._place.database.write(lambda registry: registry.rename_library(name, new_name))

    def remove(self, name: str, agreed: bool = False) -> RemovedLibrary:
        """Delete a library with its contents.

        Raises:
            LibraryNotEmpty: it has contents and `agreed` is False.
            RunInUse: another process trains in it. Nothing was deleted.
            FilesLeft: it is deleted, and files of its runs could not be.
        """
        home, database = self._place.home, self._place.database
        with database.reading() as registry:
            known = registry.runs(name)

        def delete(registry: Registry) -> RemovedLibrary:
            removed = registry.remove_library(name, agreed)
            for started in set(removed.runs).difference(run.id for run in known):
                raise in_use(started, TRAINING)
            return removed

        with holding(home, [run.id for run in known if run.status == "running"], TRAINING):
            removed = database.write(delete)
        for file_name in removed.unused_files:
            (adapters_folder(home) / file_name).unlink(missing_ok=True)
        left = [path for run_id in removed.runs for path in delete_run(home, run_id)]
        require_deleted(left, f"The library {name} is removed")
        return removed

    def share(self, name: str, user: str, role: str = "reader") -> MemberRecord:
        """Give another user a role in a library: `reader`, `editor` or `owner`. Raises NotPermitted, NameInvalid."""
        return self._place.database.write(lambda registry: registry.share_library(name, user, role))

    def unshare(self, name: str, user: str) -> MemberRecord:
        """End another user's membership of a library. Raises MemberNotFound, NotPermitted."""
        return self._place.database.write(lambda registry: registry.unshare_library(name, user))

    def members(self, name: str) -> list[MemberRecord]:
        """Return a library's members, its owner first. Raises LibraryNotFound."""
        with self._place.database.reading() as registry:
            return registry.members(name)

    def export(
        self, names: Sequence[str], out: Path, *, pictures: bool = True, sign_with: Path | None = None
    ) -> Exported:
        """Write the named concepts (none: all) into a bundle. The result is reproducible. No file is overwritten.

        Args:
            pictures: False writes only one embedding of each concept, which is enough for prompts.
            sign_with: the file of an Ed25519 key.

        Raises:
            InvalidSetting: the key cannot be used, or `out` does not end in .zip.
            ConceptNotFound, OutputExists, StorageFailed: as named.
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

    def plan(self, source: Path, *, on_conflict: str = "fail", **choices: Any) -> Plan:
        """Return what `import_` would do with a folder, list or ZIP file of pictures.

        Every picture and mask is opened that the import would open, so that all that cannot be used is a fault of the
        plan. No subject is looked for.

        Args:
            on_conflict: as for `import_`. With "skip", pictures of names that the library has are not opened.
            choices: the fields of `Choices`: `nouns`, `leave_out`, `table`.

        Raises BundleRefused if the source cannot be read or has no subjects, InvalidSetting.
        """
        from lambda_studio.bundles.layouts.plan import Choices
        from lambda_studio.workflows.bundles.checking import by_opening
        from lambda_studio.workflows.bundles.planning import planned

        self._require_pictures(source, {"dry_run": True})
        with planned(self._place, source, Choices(**choices), on_conflict, by_opening) as (plan, _):
            return plan

    @staticmethod
    def exit_code(plan: Plan, on_conflict: str = "fail") -> int:
        """Return the exit code of the error with which `import_` would refuse a plan, or 0."""
        from lambda_studio.workflows.bundles.taken import is_taken

        if plan.faults:
            return BundleRefused.exit_code
        return ConceptExists.exit_code if on_conflict == "fail" and is_taken(plan) else 0

    def write_plan(self, source: Path, out: Path, *, on_conflict: str = "fail", **choices: Any) -> Plan:
        """Write the plan's table, as CSV or JSON by the suffix of `out`, and return the plan. No file is overwritten.

        Give the table back with `import_(source, table=out)`.

        Raises InvalidSetting for another suffix, OutputExists, and the errors of `plan`.
        """
        from lambda_studio.bundles.layouts.table import require_free, write_table

        require_free(out)
        plan = self.plan(source, on_conflict=on_conflict, **choices)
        write_table(plan, out)
        return plan

    def import_(
        self,
        source: Path,
        *,
        on_conflict: str = "fail",
        trusted_keys: Sequence[Path] = (),
        on_plan: Callable[[Plan], None] = unplanned,
        **choices: Any,
    ) -> Imported:
        """Import all concepts of a bundle, or of pictures in a known layout, or none if there is a fault.

        Args:
            source: a bundle; or a folder, a list or a ZIP file of pictures.
            on_conflict: the action for a name that has different content here: "fail", "rename" or "skip".
            trusted_keys: files of public keys. With any, the import refuses a bundle that none of them signed.
            on_plan: called with the plan before the first picture is decoded. A bundle has none.
            choices: the fields of `Choices`, for pictures: `nouns`, `leave_out`, `table`.

        Raises:
            BundleRefused: the source has faults; the cause names them all.
            InvalidSetting: a key or choice cannot be used.
            ConceptExists, StorageFailed: as named.
        """
        from lambda_studio.bundles.signing import read_public_key
        from lambda_studio.workflows.bundles.from_bundle import open_bundle

        trusted = [read_public_key(path) for path in trusted_keys]
        if self._is_pictures(source):
            return self._import_pictures(source, on_conflict, bool(trusted), on_plan, choices)
        self._require_pictures(source, choices)
        with open_bundle(self._place, source, trusted) as (concepts, size, signature):
            imported = self._stored(source, concepts, size, on_conflict)
        return Imported(self._place.library, imported, signature.signer if signature else None, bool(trusted))

    def _import_pictures(
        self, source: Path, on_conflict: str, is_trusted: bool, on_plan: Callable[[Plan], None], choices: dict[str, Any]
    ) -> Imported:
        from lambda_studio.bundles.layouts.plan import Choices
        from lambda_studio.workflows.bundles.from_folder import open_folder
        from lambda_studio.workflows.bundles.taken import skipped_of

        if is_trusted:
            cause = f"{source} cannot be imported: pictures are not signed, but a trusted key was given."
            raise BundleRefused(cause, "Give a signed bundle, or leave trusted_keys out.", "trusted_keys")
        with open_folder(self._place, source, Choices(**choices), on_plan, on_conflict) as (concepts, size, plan):
            stored = self._stored(source, concepts, size, on_conflict)
        skipped = skipped_of(plan) if on_conflict == "skip" else ()
        order = [subject.name for subject in plan.subjects]
        imported = tuple(sorted((*stored, *skipped), key=lambda each: order.index(each.came_as)))
        return Imported(self._place.library, imported, None, False, plan)

    def _stored(
        self, source: Path, concepts: "Sequence[Incoming]", size: int, on_conflict: str
    ) -> tuple[ImportedConcept, ...]:
        from lambda_studio.workflows.bundles.import_ import store

        self._place.database.store.require_room(2 * size, f"Importing {source}")
        return store(self._place, concepts, on_conflict)

    @staticmethod
    def _is_pictures(source: Path) -> bool:
        """Return whether a source is a folder, a list or a ZIP file of pictures, and not a bundle."""
        from lambda_studio.bundles.layouts.files import zips

        return os.path.isdir(source) or source.suffix.lower() == ".json" or zips.has_pictures(source)

    def _require_pictures(self, source: Path, choices: Mapping[str, Any]) -> None:
        """Raise BundleRefused for a single picture, InvalidSetting if choices about pictures are made for a bundle."""
        from lambda_studio.bundles.layouts.files.kinds import unusable

        if os.path.isfile(source) and unusable(source) is None:
            command = f"studio add-concept NAME {shlex.quote(str(source))} --noun NOUN"
            raise BundleRefused(f"{source} is one picture.", f"Add it as a subject: {command}")
        given = [name for name, value in choices.items() if value]
        cause = f"{source} is no folder, list or ZIP file of pictures, so {', '.join(given)} cannot be used."
        require(not given or not source.exists() or self._is_pictures(source), cause, "Leave it out.", *given)

    def list(self) -> list[LibraryRecord]:
        """Return the libraries that the user can see: their own by name, then others'."""
        with self._place.database.reading() as registry:
            return registry.libraries()
