"""The use cases. The only module that sees the registry and the engine together.

What needs torch is imported by the method that needs it: listing concepts must not wait for it.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from concepts.records import (
    AddResult,
    ConceptPage,
    ConceptRecord,
    ConceptSummary,
    VersionSummary,
)
from lambda_studio.config import FinetuneConfig, require, settings_from
from lambda_studio.progress import Progress, silent, unheard
from lambda_studio.workflows.answers import (
    AdapterCard,
    Added,
    ConceptCard,
    Drawn,
    Exported,
    Finetuned,
    Forgotten,
    GivenBack,
    Imported,
    Neighbours,
    Removed,
    adapter_card,
)
from lambda_studio.workflows.cache.encoders import KnownEncoders
from lambda_studio.workflows.home import adapters_folder
from lambda_studio.workflows.libraries import LibraryUseCases
from lambda_studio.workflows.workplace import Workplace

if TYPE_CHECKING:
    from lambda_studio.workflows.upkeep.doctor import Finding


def never() -> bool:
    """A `should_stop` that lets work run to its end."""
    return False


class Studio(LibraryUseCases):
    """One person's studio: the registry in `home`, one library of it, one stack. Close it, or use it in a `with`.

    `database` is the registry's place where that is not `home`: a SQLite file, or a URL. Adapters are in `home`.

    `library` None is the current one. `stack` None is the library's own, else the miniature; one that is named is
    remembered by a library that has none. Notices for the person go to `notify`, long work reports to `progress`.
    """

    def __init__(
        self,
        home: Path,
        library: str | None = None,
        stack: str | None = None,
        *,
        notify: Callable[[str], None] = unheard,
        progress: Progress = silent,
        database: str | None = None,
    ):
        self.workplace = Workplace(home, library, stack, notify, progress, database)
        self.home, self.database = self.workplace.home, self.workplace.database

    def __enter__(self) -> "Studio":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give back what is open."""
        self.workplace.close()

    # Concepts

    def add_concept(
        self,
        name: str,
        images: Sequence[Path],
        *,
        noun: str | None,
        masks: Sequence[Path] = (),
        segment: str = "auto",
        keep_original: bool = False,
    ) -> Added:
        """Store a subject and cache CLIP's view of it. Nothing is stored unless every image and mask can be used.

        With `keep_original` the files are kept too, byte for byte, with their metadata.
        Raises NameInvalid, NounMissing, ImageRefused, MaskRefused, ConceptExists.
        """
        from lambda_studio.workflows.subjects.versions import ConceptWriter

        return ConceptWriter(self.workplace).add(name, images, noun, masks, segment, keep_original)

    def edit(
        self,
        name: str,
        *,
        noun: str | None = None,
        add: Sequence[Path] = (),
        drop: Sequence[int] = (),
        masks: Mapping[int, Path] | None = None,
        segment: str = "auto",
        keep_original: bool = False,
    ) -> Added:
        """The concept's next version: another noun, images more or less (numbered from 1), other masks for some.

        With `keep_original` the files of `add` are kept too, also where the concept has such an image without one.
        Raises ConceptNotFound, ConceptChanged (by somebody else meanwhile), ImagesMissing, and as `add_concept`.
        """
        from lambda_studio.workflows.subjects.versions import ConceptWriter

        return ConceptWriter(self.workplace).edit(name, noun, add, drop, masks or {}, segment, keep_original)

    def restore(self, name: str, number: int) -> Added:
        """A new version with the noun and images of an earlier one. Raises ConceptNotFound, ConceptChanged."""
        from lambda_studio.workflows.subjects.versions import ConceptWriter

        return ConceptWriter(self.workplace).restore(name, number)

    def history(self, name: str) -> list[VersionSummary]:
        """The concept's versions, the present one first. Raises ConceptNotFound."""
        library = self.library
        with self.database.reading() as registry:
            return registry.history(library, name)

    def concepts(self, removed: bool = False) -> list[ConceptSummary]:
        """The library's concepts by name, or those that were removed from it."""
        return self.workplace.removed_concepts() if removed else self.workplace.concepts()

    def page(self, text: str = "", *, after: str = "", limit: int | None = None) -> ConceptPage:
        """Some of the library's concepts by name: at most `limit`, whose names hold `text` and come after `after`."""
        require(limit is None or limit >= 1, f"The number of concepts is {limit}.", "Give 1 or more.")
        library = self.library
        with self.database.reading() as registry:
            return registry.page(library, text, after, limit)

    def show(self, name: str) -> ConceptCard:
        """Everything about one concept. Raises ConceptNotFound."""
        from lambda_studio.workflows.subjects.card import concept_card

        return concept_card(self.database, self.library, name, KnownEncoders(self.home).read())

    def similar(self, name: str, count: int = 5) -> Neighbours:
        """The concepts the user may see that look most like this one, nearest first. Raises ConceptNotFound."""
        from lambda_studio.workflows.subjects.lookalikes import similar

        return similar(self.workplace, name, count)

    def write_sheet(self, name: str, out: Path) -> Path:
        """Draw the concept's references with their masks laid over them; never over another file. Gives the path."""
        from lambda_studio.pictures.outputs import write_picture
        from lambda_studio.workflows.subjects.card import mask_sheet

        concept = self.workplace.get_concepts([name])[0]
        sheet = mask_sheet(self.database, concept)
        return write_picture(sheet, {"concept": concept.name}, out, f"{concept.name} masks")

    def write_originals(self, name: str, folder: Path) -> GivenBack:
        """Write the files that were kept of a concept's images, byte for byte, into a new folder: all or none.

        Raises ConceptNotFound, ContentDamaged, InvalidSetting where none was kept, OutputExists, StorageFailed.
        """
        from lambda_studio.workflows.subjects.originals import write_originals

        return write_originals(self.workplace, name, folder)

    def rename(self, name: str, new_name: str) -> ConceptRecord:
        """Another name for a concept; adapters go on knowing it. Raises ConceptExists, NameInvalid."""
        library = self.library
        return self.database.write(lambda registry: registry.rename_concept(library, name, new_name))

    def copy(self, name: str, target: str, new_name: str | None = None) -> AddResult:
        """The concept in another library too, its bytes stored once. Raises ConceptExists, NotPermitted."""
        library = self.library
        return self.database.write(lambda registry: registry.copy_concept(library, name, target, new_name))

    def remove(self, name: str) -> Removed:
        """Hide a concept and free its name; nothing of it is deleted. Raises ConceptNotFound, NotPermitted."""
        library = self.library
        gone = self.database.write(lambda registry: registry.remove_concept(library, name))
        return Removed(gone.concept.name, gone.concept.id, tuple(adapter.id for adapter in gone.adapters))

    def bring_back(self, name: str, concept_id: int | None = None, new_name: str | None = None) -> ConceptRecord:
        """What was removed last under this name, or the one of that number. Raises ConceptExists, ConceptNotFound."""
        library = self.library
        return self.database.write(lambda registry: registry.restore_concept(library, name, concept_id, new_name))

    def forget(self, name: str, concept_id: int | None, agree: Callable[[ConceptSummary], None]) -> Forgotten:
        """Delete a concept, present or removed, with every byte that only it needed; `agree` raises to stop it."""
        from lambda_studio.workflows.subjects.removal import forget

        return forget(self.workplace, name, concept_id, agree)

    # Concepts that travel

    def export(
        self, names: Sequence[str], out: Path, *, pictures: bool = True, sign_with: Path | None = None
    ) -> Exported:
        """Write the named concepts (none: all) into a bundle, the same bytes every time; never over another file.

        Without pictures it holds what prompts use: one embedding of each. `sign_with` is the file of an Ed25519 key.
        Raises ConceptNotFound, OutputExists, StorageFailed, and InvalidSetting for a key that cannot be used or where
        `out` does not end in .zip.
        """
        from lambda_studio.workflows.bundles.export import export

        return export(self.workplace, names, out, pictures, sign_with)

    def import_concepts(
        self, source: Path, *, on_conflict: str = "fail", trusted_keys: Sequence[Path] = ()
    ) -> Imported:
        """Take in a bundle, or a folder of pictures in a known layout: everything that is in it, or nothing.

        `on_conflict`, where a name has other content here: "fail", "rename" or "skip". With `trusted_keys` (files of
        public keys) only a bundle that one of them signed. Raises BundleRefused with everything that is wrong,
        ConceptExists, InvalidSetting for a key that cannot be used, StorageFailed.
        """
        from lambda_studio.workflows.bundles.import_ import import_concepts

        return import_concepts(self.workplace, source, on_conflict, trusted_keys)

    # Adapters

    def adapters(self) -> list[AdapterCard]:
        """The library's adapters, newest first."""
        library = self.library
        with self.database.reading() as registry:
            return [adapter_card(record, adapters_folder(self.home)) for record in registry.adapters(library)]

    def adapter(self, adapter_id: int | str) -> AdapterCard:
        """The adapter of that number, or whose hash begins so. Raises AdapterNotFound."""
        library = self.library
        with self.database.reading() as registry:
            return adapter_card(registry.get_adapter(library, adapter_id), adapters_folder(self.home))

    def remove_adapter(self, adapter_id: int | str) -> None:
        """Forget an adapter: the row first, then the file where no other library has it."""
        library = self.library
        removed = self.database.write(lambda registry: registry.remove_adapter(library, adapter_id))
        if removed.file_unused:
            (adapters_folder(self.home) / removed.adapter.file_name).unlink(missing_ok=True)

    def finetune(
        self,
        names: Sequence[str] | None,
        *,
        settings: Mapping[str, Any] | None = None,
        resume: bool = False,
        should_stop: Callable[[], bool] = never,
    ) -> Finetuned:
        """Tune the decoder on the named concepts together (None: on all) and register the adapter it makes.

        `settings` are FinetuneConfig's; None among them is what the stack prefers, else the default. `resume` goes on
        with the newest unfinished run, with no names whichever it is; settings then default to that run's own.
        Raises ConceptNotFound, InvalidSetting, ResumeRefused, TrainingDiverged and what reading models raises.
        """
        from lambda_studio.workflows.tuning.resuming import run_to_resume

        place = self.workplace
        place.require_editor()
        run = run_to_resume(place, names) if resume else None
        concepts = place.get_concepts([seen.name for seen in run.concepts]) if run else place.named_or_all(names)
        config = settings_from(FinetuneConfig, run.settings["config"] if run else place.spec.finetune, settings or {})
        from lambda_studio.workflows.tuning.run import Tuner

        return Tuner(place).tune(concepts, config, run, should_stop)

    def generate(
        self,
        prompt: str,
        *,
        count: int = 1,
        adapter: str | int = "auto",
        edges: Path | None = None,
        out: Path = Path("outputs"),
        settings: Mapping[str, Any] | None = None,
    ) -> Drawn:
        """Draw `count` pictures of a prompt that names concepts as <name>, and write them under free names in `out`.

        `settings` are GenerateConfig's; None among them is the default. `adapter`: "auto", "none", a number or hash.
        """
        from lambda_studio.workflows.drawing.generate import generate

        return generate(self.workplace, prompt, count, adapter, edges, out, settings or {})

    def examine(self, depth: str = "usual", repair: bool = False) -> "list[Finding]":
        """Whether everything here is whole: "quick" reads no bytes, "usual" the library's, "thorough" all there are.

        `repair` mends what was only computed, and sweeps up what was never finished. "thorough" computes one in a
        hundred of the cached values again.
        """
        from lambda_studio.workflows.upkeep.doctor import findings

        return list(findings(self.workplace, depth, repair))
