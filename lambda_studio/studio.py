"""The use cases. The only module that sees the registry and the engine together.

What needs torch is imported by the method that needs it: listing concepts must not wait for it.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from concepts.database import Database
from concepts.errors import NounMissing
from concepts.names import check_name, check_noun
from concepts.records import (
    AddResult,
    ConceptRecord,
    ConceptSummary,
    LibraryRecord,
    NewImage,
    RunRecord,
    VersionSummary,
)
from concepts.registry import Registry
from lambda_studio.config import FinetuneConfig, GenerateConfig, require, settings_from
from lambda_studio.progress import Progress, silent, unheard
from lambda_studio.workflows.encoders import KnownEncoders
from lambda_studio.workflows.places import adapters_folder
from lambda_studio.workflows.views import (
    AdapterCard,
    Added,
    ConceptCard,
    Drawn,
    DrawnPicture,
    Finetuned,
    Removed,
    adapter_card,
)

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

    from lambda_studio.models.stack import Stack, StackSpec
    from lambda_studio.workflows.embedding import SubjectEmbedder
    from lambda_studio.workflows.examining import Finding

DEFAULT_STACK = "miniature"
"""What a library works with that remembers none: it needs no download and no GPU."""


def never() -> bool:
    """A `should_stop` that lets work run to its end."""
    return False


class Studio:
    """One person's studio: the registry in `home`, one library of it, one stack. Close it, or use it in a `with`.

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
    ):
        self.home = Path(home)
        self.notify, self.progress = notify, progress
        self.database = Database.open(self.home)
        self._library, self._stack_name = library, stack

    def __enter__(self) -> "Studio":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give back what is open."""
        self.database.close()

    # Libraries

    @cached_property
    def library(self) -> str:
        """The name of the library that is worked in. Raises LibraryNotFound."""
        with self.database.reading() as registry:
            return (registry.get_library(self._library) if self._library else registry.current_library()).name

    def create_library(self, name: str) -> LibraryRecord:
        """A new library, which remembers the stack if one was named."""
        stack = self._named_stack()
        with self.database.transaction() as registry:
            return registry.create_library(name, stack)

    def libraries(self) -> list[LibraryRecord]:
        """All libraries, by name."""
        with self.database.reading() as registry:
            return registry.libraries()

    def use_library(self, name: str) -> LibraryRecord:
        """Make a library the current one; it remembers the stack if one was named."""
        stack = self._named_stack()
        with self.database.transaction() as registry:
            record = registry.use_library(name)
            return registry.set_library_stack(name, stack) if stack else record

    # Concepts

    def add_concept(
        self,
        name: str,
        images: Sequence[Path],
        *,
        noun: str | None,
        masks: Sequence[Path] = (),
        segment: str = "auto",
    ) -> Added:
        """Store a subject and cache CLIP's view of it. Nothing is stored unless every image and mask can be used.

        Raises NameInvalid, NounMissing, ImageRefused, MaskRefused, ConceptExists.
        """
        name = check_name(name)
        if noun is None:
            raise NounMissing(
                f"The noun of {name!r} is missing.", "Say what kind of thing it is, for example: --noun dog"
            )
        from lambda_studio.workflows.adding import read_images

        library, noun = self.library, check_noun(noun)
        new_images = read_images(images, masks, segment, self.progress)
        _ = self._embedder.encoder  # files of models that are missing are missed before anything is stored
        with self.database.transaction() as registry:
            result = registry.add_concept(library, name, noun, new_images)
            remembered = self._remember_stack(registry)
        if remembered:
            self.notify(f"Library {library} now works with {remembered}.")
        return self._embedded(result, new_images)

    def edit(
        self,
        name: str,
        *,
        noun: str | None = None,
        add: Sequence[Path] = (),
        drop: Sequence[int] = (),
        masks: Mapping[int, Path] | None = None,
        segment: str = "auto",
    ) -> Added:
        """The concept's next version: another noun, images more or less (numbered from 1), other masks for some.

        Raises ConceptNotFound, ConceptChanged (by somebody else meanwhile), ImagesMissing, and as `add_concept`.
        """
        from lambda_studio.workflows.editing import edited_images

        cause = f"Nothing to change about {name} was given."
        require(bool(noun or add or drop or masks), cause, "Give --noun, --add, --drop or --mask.")
        concept = self._get_concepts([name])[0]
        images = edited_images(self.database, concept, add, drop, masks or {}, segment, self.progress)
        return self._revise(concept, noun or concept.noun, images)

    def restore(self, name: str, number: int) -> Added:
        """A new version with the noun and images of an earlier one. Raises ConceptNotFound, ConceptChanged."""
        from lambda_studio.workflows.editing import stored_images

        library = self.library
        with self.database.reading() as registry:
            present = registry.get_concept(library, name)
            wanted = registry.concept_version(library, name, number)
        return self._revise(present, wanted.noun, stored_images(self.database, wanted))

    def history(self, name: str) -> list[VersionSummary]:
        """The concept's versions, the present one first. Raises ConceptNotFound."""
        library = self.library
        with self.database.reading() as registry:
            return registry.history(library, name)

    def _revise(self, concept: ConceptRecord, noun: str, images: Sequence[NewImage]) -> Added:
        _ = self._embedder.encoder  # as in `add_concept`
        with self.database.transaction() as registry:
            result = registry.revise_concept(self.library, concept.name, noun, images, expected=concept.version)
        return self._embedded(result, [image for image in images if image.sha not in {i.sha for i in concept.images}])

    def _embedded(self, result: AddResult, new_images: Sequence[NewImage]) -> Added:
        """Cache CLIP's view of a concept that was just written."""
        _, encoded = self._embedder.subjects([result.concept])
        self._embedder.zero()
        return Added(
            concept=result.concept,
            created=result.created,
            stack=self.spec.name,
            encoded=encoded,
            cached=len(result.concept.images) - encoded,
            warnings=tuple(f"{image.source_name}: {text}" for image in new_images for text in image.warnings),
        )

    def concepts(self) -> list[ConceptSummary]:
        """The library's concepts, by name."""
        library = self.library
        with self.database.reading() as registry:
            return registry.concepts(library)

    def show(self, name: str) -> ConceptCard:
        """Everything about one concept. Raises ConceptNotFound."""
        from lambda_studio.workflows.showing import concept_card

        return concept_card(self.database, self.library, name, KnownEncoders(self.home).read())

    def write_sheet(self, name: str, out: Path) -> Path:
        """Draw the concept's references with their masks laid over them; never over another file. Gives the path."""
        from lambda_studio.outputs import write_picture
        from lambda_studio.workflows.showing import mask_sheet

        concept = self._get_concepts([name])[0]
        return write_picture(
            mask_sheet(self.database, concept), {"concept": concept.name}, out, f"{concept.name} masks"
        )

    def rename(self, name: str, new_name: str) -> ConceptRecord:
        """Another name for a concept; adapters go on knowing it. Raises ConceptExists, NameInvalid."""
        library = self.library
        with self.database.transaction() as registry:
            return registry.rename_concept(library, name, new_name)

    def remove(self, name: str) -> Removed:
        """Remove a concept with every byte that only it needed."""
        library = self.library
        with self.database.transaction() as registry:
            removed = registry.remove_concept(library, name)
        return Removed(removed.concept.name, tuple(adapter.id for adapter in removed.adapters))

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
        with self.database.transaction() as registry:
            removed = registry.remove_adapter(library, adapter_id)
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
        run = self._run_to_resume(names) if resume else None
        concepts = self._get_concepts([seen.name for seen in run.concepts]) if run else self._named_or_all(names)
        preferred = run.settings["config"] if run else self.spec.finetune
        config = settings_from(FinetuneConfig, preferred, settings or {})
        from lambda_studio.workflows.tuning import Tuner

        return Tuner(self.database, self.library, self.stack, self._stack_source, self.progress).tune(
            concepts, config, run, should_stop
        )

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
        from lambda_studio.images import open_photo
        from lambda_studio.outputs import make_room
        from lambda_studio.workflows.choosing import choose_adapter
        from lambda_studio.workflows.naming import read_prompt

        require(count >= 1, f"The number of pictures is {count}.", "Give 1 or more.")
        config = settings_from(GenerateConfig, self.spec.generate, settings or {})
        template = read_prompt(prompt, {summary.name: summary.noun for summary in self.concepts()})
        concepts = self._get_concepts(template.names)
        edged = open_photo(edges).image if edges else None
        make_room(out)
        choice = choose_adapter(self.database, self.library, self.stack, adapter, concepts)
        for notice in choice.notices:
            self.notify(notice)
        from lambda_studio.workflows.drawing import draw, texts_of, write_drawing

        embeddings, computed = self._embedder.subjects(concepts)
        zero_image_embeds = self._embedder.zero()
        control = self._edge_embeds(edged) if edged else None
        if computed or edged:
            self.stack.free("clip")  # only the text tower is needed from here on
        pictures = draw(
            self.stack,
            template,
            concepts,
            embeddings,
            zero_image_embeds,
            control,
            config,
            count,
            choice.path,
            self.progress,
        )
        texts = texts_of(template, config, concepts, self.spec.name, choice.adapter, edges)
        return Drawn(
            prompt=prompt,
            pictures=tuple(DrawnPicture(write_drawing(item, texts, out, prompt), item.seed) for item in pictures),
            stack=self.spec.name,
            adapter=choice.adapter.id if choice.adapter else None,
            stale=choice.stale,
        )

    def examine(self) -> "list[Finding]":
        """Whether the library's images, the adapters' files and the stack's files are whole."""
        from lambda_studio.workflows.examining import findings

        return list(findings(self.database, self.library, self.stack, adapters_folder(self.home)))

    # The stack

    @cached_property
    def stack(self) -> "Stack":
        """The models that are worked with; each is loaded when it is first needed. Raises InvalidSetting."""
        from lambda_studio.models.stack import Stack

        return Stack(self.spec, on_notice=self.notify)

    @cached_property
    def spec(self) -> "StackSpec":
        """Which models those are, known without torch. Raises InvalidSetting, and ModelFilesMissing for a file."""
        from lambda_studio.models.stack import resolve_stack

        return resolve_stack(self._stack_source)

    @property
    def _stack_source(self) -> str:
        """The name or file of the stack: what was asked for, else what the library remembers, else the default."""
        library = self.library
        with self.database.reading() as registry:
            remembered = registry.get_library(library).stack
        return self._named_stack() or remembered or DEFAULT_STACK

    def _named_stack(self) -> str | None:
        """The stack that was asked for, as a library remembers it: a file by its whole path. Raises InvalidSetting."""
        from lambda_studio.models.stack import BUILT_IN, resolve_stack

        if self._stack_name is None:
            return None
        resolve_stack(self._stack_name)
        return self._stack_name if self._stack_name in BUILT_IN else str(Path(self._stack_name).absolute())

    def _remember_stack(self, registry: Registry) -> str | None:
        """Let the library remember the stack that was asked for, if it remembers none yet; gives what is new."""
        stack = self._named_stack()
        if stack is None or registry.get_library(self.library).stack is not None:
            return None
        return registry.set_library_stack(self.library, stack).stack

    @cached_property
    def _embedder(self) -> "SubjectEmbedder":
        from lambda_studio.workflows.embedding import SubjectEmbedder

        embedder = SubjectEmbedder(self.database, self.stack, self.progress)
        KnownEncoders(self.home).note(self.spec.name, embedder.encoder)
        return embedder

    def _edge_embeds(self, image: "Image.Image") -> "Tensor":
        """CLIP's embedding of a picture's edges, for the prior's control token."""
        from lambda_studio.edges import edge_map

        clip = self.stack.clip(("vision",))
        return clip.encode_images([edge_map(image, self.stack.resolution, clip.image_size)])[0]

    # Concepts and runs

    def _get_concepts(self, names: Sequence[str]) -> list[ConceptRecord]:
        library = self.library
        with self.database.reading() as registry:
            found = [registry.get_concept(library, name) for name in names]
        return list({concept.id: concept for concept in found}.values())

    def _named_or_all(self, names: Sequence[str] | None) -> list[ConceptRecord]:
        chosen = [summary.name for summary in self.concepts()] if names is None else names
        cause = f"Library {self.library} has no concepts to fine-tune on." if names is None else "No concept is named."
        require(bool(chosen), cause, "Name concepts that were added with: studio add-concept NAME IMAGE --noun NOUN")
        return self._get_concepts(chosen)

    def _run_to_resume(self, names: Sequence[str] | None) -> RunRecord:
        """The run to go on with; the studio then works with that run's stack."""
        from lambda_studio.workflows.choosing import run_to_resume

        wanted = None if names is not None and not names else self._named_or_all(names)
        named, library = self.spec.name if self._stack_name else None, self.library
        with self.database.reading() as registry:
            runs = registry.runs(library)
        run = run_to_resume(runs, wanted, named, library)
        if named is None and self.spec.name != run.settings["stack"]:
            self._stack_name = run.settings["stack_source"]
            self.__dict__.pop("stack", None)
            del self.spec
        return run
