"""The use cases. The only module that sees the registry and the engine together.

What needs torch is imported by the method that needs it: listing concepts must not wait for it.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lambda_studio.config import FinetuneConfig, GenerateConfig
from lambda_studio.progress import Progress, silent, unheard
from lambda_studio.workflows.adapters import Adapters
from lambda_studio.workflows.answers import Drawn, Finetuned
from lambda_studio.workflows.home import default_home
from lambda_studio.workflows.libraries import Libraries
from lambda_studio.workflows.subjects.concepts import Concepts
from lambda_studio.workflows.workplace import Workplace

if TYPE_CHECKING:
    from concepts.records import ConceptRecord as ConceptRecord
    from concepts.records import ConceptSummary as ConceptSummary
    from lambda_studio.workflows.answers import Added as Added
    from lambda_studio.workflows.upkeep.database import DatabaseUpkeep
    from lambda_studio.workflows.upkeep.doctor import Finding


def never() -> bool:
    """Let work run to its end: a `should_stop`."""
    return False


class Studio:
    """One person's studio: the registry in `home`, one library of it, one stack. Close it, or use it in a `with`.

    Args:
        home: None is the folder that STUDIO_HOME names, else the platform's folder for a person's data.
        library: None is the current one.
        stack: None is the library's own, else the miniature; one that is named is remembered by a library that has
            none.
        notify: is told notices for the person.
        progress: is told of long work.
        database: where the registry is if not in `home`: a SQLite file, or a URL. Adapters are in `home`.
    """

    def __init__(
        self,
        home: Path | str | None = None,
        library: str | None = None,
        stack: str | None = None,
        *,
        notify: Callable[[str], None] = unheard,
        progress: Progress = silent,
        database: str | None = None,
    ):
        self.workplace = Workplace(Path(home or default_home()), library, stack, notify, progress, database)
        self.home, self.database = self.workplace.home, self.workplace.database

    def __enter__(self) -> "Studio":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give back what is open."""
        self.workplace.close()

    @staticmethod
    def upkeep(home: Path | str | None = None, database: str | None = None) -> "DatabaseUpkeep":
        """Return what is done to a database as such, also to one that cannot be opened: check, back up, restore."""
        from lambda_studio.workflows.upkeep.database import DatabaseUpkeep

        return DatabaseUpkeep(Path(home or default_home()), database)

    @property
    def library(self) -> str:
        """The library that is worked in: its name, or OWNER/NAME where it is another's. Raises LibraryNotFound."""
        return self.workplace.library

    @property
    def concepts(self) -> Concepts:
        """The subjects of the library."""
        return Concepts(self.workplace)

    @property
    def libraries(self) -> Libraries:
        """The libraries that the user may see."""
        return Libraries(self.workplace)

    @property
    def adapters(self) -> Adapters:
        """What fine-tuning made."""
        return Adapters(self.workplace)

    def generate(
        self,
        prompt: str,
        config: GenerateConfig | None = None,
        *,
        count: int = 1,
        adapter: str | int = "auto",
        edges: Path | None = None,
        out: Path = Path("outputs"),
    ) -> Drawn:
        """Draw `count` pictures of a prompt that names concepts as <name>, and write them under free names in `out`.

        Args:
            config: fields that are not given are what the stack prefers, else the default.
            adapter: "auto" (the newest that knows every concept of the prompt), "none", a number or hash.
            edges: a picture whose edges are followed.
            out: a folder, or a name ending in .png.

        Raises:
            PromptInvalid, ConceptNotFound, AdapterNotFound, InvalidSetting, and what reading models raises.
        """
        from lambda_studio.workflows.drawing.generate import Drawing, generate

        drawing = Drawing(prompt=prompt, count=count, adapter=adapter, edges=edges, out=out)
        return generate(self.workplace, drawing, config or GenerateConfig())

    def finetune(
        self,
        names: Sequence[str] | None,
        config: FinetuneConfig | None = None,
        *,
        resume: bool = False,
        should_stop: Callable[[], bool] = never,
    ) -> Finetuned:
        """Tune the decoder on the named concepts together (None: on all) and register the adapter it makes.

        Args:
            config: fields that are not given are what the stack prefers, else the default.
            resume: go on with the newest unfinished run, with no names whichever it is; fields that are not given are
                then that run's own.
            should_stop: is asked after each step. Once it says True, the step is saved and the answer has no adapter.

        Raises:
            ConceptNotFound, InvalidSetting, ResumeRefused, TrainingDiverged, and what reading models raises; Cancelled
                where `should_stop` said so before the first step.
        """
        from lambda_studio.workflows.tuning.resuming import run_to_resume

        place = self.workplace
        place.require_editor()
        run = run_to_resume(place, names) if resume else None
        concepts = place.get_concepts([seen.name for seen in run.concepts]) if run else place.named_or_all(names)
        preferences = run.settings["config"] if run else place.spec.finetune
        chosen = (config or FinetuneConfig()).preferring(preferences)
        from lambda_studio.workflows.tuning.run import Tuner

        return Tuner(place).tune(concepts, chosen, run, should_stop)

    def doctor(self, depth: str = "usual", *, repair: bool = False) -> "list[Finding]":
        """Return whether everything here is whole.

        Args:
            depth: "quick" reads no bytes, "usual" the library's, "thorough" all there are, and computes one in a
                hundred of the cached values again.
            repair: mend what was only computed, and remove what was never finished.
        """
        from lambda_studio.workflows.upkeep.doctor import findings

        return list(findings(self.workplace, depth, repair))
