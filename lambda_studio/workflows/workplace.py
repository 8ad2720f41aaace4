"""The context of every use case: a library of the registry, and a stack."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from concepts.database import Database
from concepts.names import name_key
from concepts.records import ConceptRecord, ConceptSummary
from concepts.registry import Registry
from concepts.stores.sqlite_engine import file_errors
from lambda_studio.config import require
from lambda_studio.progress import Progress, unheard
from lambda_studio.workflows.cache.encoders import Encoder, KnownEncoders

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

    from lambda_studio.models.stacks.specification import StackSpec
    from lambda_studio.models.stacks.stack import Stack
    from lambda_studio.pictures.door import PictureDoor
    from lambda_studio.workflows.cache.directions import Directions
    from lambda_studio.workflows.cache.subjects import SubjectEmbedder

DEFAULT_STACK = "miniature"
"""The stack of a library that remembers none. It needs no download and no GPU."""


class Workplace:
    """The registry in `home` or at `database`, one of its libraries, and one stack, each looked up on first use.

    `library` None is the current library. `stack` None is the library's stack, or the miniature if it has none.
    """

    def __init__(
        self,
        home: Path,
        library: str | None,
        stack: str | None,
        notify: Callable[[str], None],
        progress: Progress,
        database: str | None = None,
    ):
        self.home, self.notify, self.progress = Path(home), notify, progress
        self.database = Database.open(self.home, address=database, notify=notify)
        with file_errors(self.home):
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)  # if the registry is not in the home
        for text in self.database.store.notices():
            notify(text)
        self._library, self._stack_name = library, stack
        self._device: str | None = None
        self._precision: str | None = None
        self.agree: Callable[[str], None] = unheard
        """Called with a question before a download on a machine without a GPU. It raises to stop the download."""
        self.directions: Directions | None = None

    @cached_property
    def library(self) -> str:
        """The library in use: its name, or OWNER/NAME if it has another owner. Raises LibraryNotFound."""
        with self.database.reading() as registry:
            return registry.library_address(self._library)

    def require_editor(self) -> None:
        """Raise NotPermitted if the user cannot write into the library. Call it before any work."""
        library = self.library
        with self.database.reading() as registry:
            registry.require_editor(library)

    @cached_property
    def door(self) -> "PictureDoor":
        """The door that opens picture files, in one process for all of them."""
        from lambda_studio.pictures.door import PictureDoor

        return PictureDoor()

    def close(self) -> None:
        """Stop the picture door and close the database."""
        if "door" in self.__dict__:
            self.door.close()
        if "stack" in self.__dict__:
            self.stack.close()
        self.database.close()

    # Concepts and runs

    def concepts(self) -> list[ConceptSummary]:
        """Return the library's concepts, by name."""
        library = self.library
        with self.database.reading() as registry:
            return registry.concepts(library)

    def removed_concepts(self) -> list[ConceptSummary]:
        """Return the library's removed concepts, by name."""
        library = self.library
        with self.database.reading() as registry:
            return registry.removed_concepts(library)

    def get_concepts(self, names: Sequence[str]) -> list[ConceptRecord]:
        """Return the named concepts without duplicates, read in one query. Raises ConceptNotFound."""
        library = self.library
        with self.database.reading() as registry:
            found = registry.find_concepts(library, names)
            known = {name_key(concept.name) for concept in found}
            for name in (name for name in names if name_key(name.strip()) not in known):
                registry.get_concept(library, name)  # raises, with the nearest names
        return found

    def named_or_all(self, names: Sequence[str] | None) -> list[ConceptRecord]:
        """Return the named concepts, or all that have pictures for None.

        Raises InvalidSetting if there are none, ConceptNotFound.
        """
        chosen = [summary.name for summary in self.concepts()] if names is None else names
        cause = f"Library {self.library} has no concepts to fine-tune on." if names is None else "No concept is named."
        require(
            bool(chosen), cause, "Name concepts of the library, or add one: studio add-concept NAME IMAGE --noun NOUN"
        )
        from lambda_studio.workflows.cache.left_out import is_left_out

        found = self.get_concepts(chosen)
        without = [each.name for each in found if any(map(is_left_out, each.images))]
        if names is not None or not without or len(without) == len(found):
            return found
        self.notify(f"Left out, because they have no pictures: {', '.join(without)}.")
        return [each for each in found if each.name not in without]

    # The stack

    @cached_property
    def stack(self) -> "Stack":
        """The models in use; each is loaded on first use. Raises InvalidSetting."""
        from lambda_studio.models.memory.hardware import chosen_device
        from lambda_studio.models.stacks.stack import Stack

        device = chosen_device(self._device, self.notify)
        return Stack(self.spec, device, on_notice=self.notify, agree=lambda question: self.agree(question))

    @cached_property
    def spec(self) -> "StackSpec":
        """The stack's specification, read without torch. Raises InvalidSetting, ModelFilesMissing for a TOML file."""
        from lambda_studio.models.stacks.toml import resolve_stack

        found = resolve_stack(self.stack_source)
        return replace(found, precision=self._precision) if self._precision else found

    @property
    def stack_source(self) -> str:
        """The name or file of the stack: the user's choice, else the library's, else the default."""
        library = self.library
        with self.database.reading() as registry:
            remembered = registry.library_stack(library)
        return self.named_stack() or remembered or DEFAULT_STACK

    def work_with(self, stack: str) -> None:
        """Switch to another stack, by its name or file."""
        self._stack_name = stack
        for known in ("stack", "spec", "embedder"):
            self.__dict__.pop(known, None)

    def run_on(self, device: str | None, precision: str | None) -> None:
        """Load models on this device and in this precision from now on. None is the default."""
        self._device, self._precision = device, precision
        for known in ("stack", "spec", "embedder"):
            self.__dict__.pop(known, None)

    def take_turn(self, number: int) -> None:
        """Run models on a GPU of its own, as the process of this number on the machine, if no device was chosen."""
        import torch

        if self._device in (None, "auto", "cuda") and torch.cuda.is_available():
            self.run_on(f"cuda:{number % torch.cuda.device_count()}", self._precision)

    def named_stack(self) -> str | None:
        """Return the user's stack as a library stores it: a name or an absolute path. Raises InvalidSetting."""
        from lambda_studio.models.stacks.specification import BUILT_IN
        from lambda_studio.models.stacks.toml import resolve_stack

        if self._stack_name is None:
            return None
        resolve_stack(self._stack_name)
        return self._stack_name if self._stack_name in BUILT_IN else str(Path(self._stack_name).absolute())

    def remember_stack(self, registry: Registry) -> str | None:
        """Store the user's stack in the library if it has none yet. Return the stored stack, or None."""
        stack = self.named_stack()
        if stack is None or registry.library_stack(self.library) is not None:
            return None
        return registry.set_library_stack(self.library, stack).stack

    @cached_property
    def embedder(self) -> "SubjectEmbedder":
        """The embedder of concepts, which caches in the registry. Raises the errors of reading CLIP's files."""
        from lambda_studio.workflows.cache.subjects import SubjectEmbedder

        embedder = SubjectEmbedder(self.database, self.stack, self.progress)
        KnownEncoders(self.home).note(self.spec.name, embedder.encoder)
        return embedder

    @property
    def known_encoder(self) -> Encoder | None:
        """The stack's CLIP as it was last used in this home, without importing torch.

        None if there was none, or if a device or precision is chosen, which may change its number format.
        """
        chosen = self._device or self._precision
        return None if chosen else KnownEncoders(self.home).read().get(self.spec.name)

    def edge_embeds(self, image: "Image.Image", thresholds: tuple[int, int] | None = None) -> "Tensor":
        """Return CLIP's embedding of a picture's edges, for the prior's control token. `thresholds` are Canny's."""
        from lambda_studio.pictures.edges import edge_map

        clip = self.stack.clip(("vision",))
        found = edge_map(image, self.spec.edges, self.stack.resolution, clip.image_size, thresholds)
        return clip.encode_images([found])[0]
