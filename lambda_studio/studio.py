"""The public class `Studio`: the use cases on a registry and a stack.

Methods import torch only on use, so that listing concepts stays fast.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from lambda_studio.config import FinetuneConfig, GenerateConfig, Wanted
from lambda_studio.progress import Progress, silent, unheard
from lambda_studio.settings.pictures import GivenPictures
from lambda_studio.workflows.adapters import Adapters
from lambda_studio.workflows.answers.pictures import Drawn
from lambda_studio.workflows.answers.runs import Finetuned
from lambda_studio.workflows.evaluations import Evaluations
from lambda_studio.workflows.home import default_home
from lambda_studio.workflows.libraries import Libraries
from lambda_studio.workflows.models import Models
from lambda_studio.workflows.pictures import Pictures
from lambda_studio.workflows.runs import Runs
from lambda_studio.workflows.subjects.concepts import Concepts
from lambda_studio.workflows.workplace import Workplace

if TYPE_CHECKING:
    from concepts.records import ConceptRecord as ConceptRecord
    from concepts.records import ConceptSummary as ConceptSummary
    from lambda_studio.bundles.layouts.plan import Plan as Plan
    from lambda_studio.bundles.layouts.plan import PlannedSubject as PlannedSubject
    from lambda_studio.workflows.answers.adapters import AdapterCard as AdapterCard
    from lambda_studio.workflows.answers.adapters import AdapterSource as AdapterSource
    from lambda_studio.workflows.answers.benchmarks import SetDistances as SetDistances
    from lambda_studio.workflows.answers.benchmarks import SubjectCollapse as SubjectCollapse
    from lambda_studio.workflows.answers.benchmarks import WrittenPrompts as WrittenPrompts
    from lambda_studio.workflows.answers.bundles import Imported as Imported
    from lambda_studio.workflows.answers.concepts import Added as Added
    from lambda_studio.workflows.answers.concepts import BlendedPart as BlendedPart
    from lambda_studio.workflows.answers.concepts import ConceptCard as ConceptCard
    from lambda_studio.workflows.answers.concepts import ImageCard as ImageCard
    from lambda_studio.workflows.answers.models import ModelPart as ModelPart
    from lambda_studio.workflows.answers.pictures import DrawnAgain as DrawnAgain
    from lambda_studio.workflows.answers.pictures import Interpolated as Interpolated
    from lambda_studio.workflows.answers.pictures import Reconstructed as Reconstructed
    from lambda_studio.workflows.answers.runs import RunCard as RunCard
    from lambda_studio.workflows.benchmarks.comparisons.comparing import EvaluationComparison as EvaluationComparison
    from lambda_studio.workflows.benchmarks.reports.comparison import ComparisonReport as ComparisonReport
    from lambda_studio.workflows.benchmarks.reports.evaluation import EvaluationReport as EvaluationReport
    from lambda_studio.workflows.benchmarks.results.scores import BenchmarkScores as BenchmarkScores
    from lambda_studio.workflows.evaluating.evaluation import AdapterEvaluation as AdapterEvaluation
    from lambda_studio.workflows.subjects.masks.marking import Mark as Mark
    from lambda_studio.workflows.subjects.numbering import Called as Called
    from lambda_studio.workflows.tuning.planning.plan import FinetunePlan as FinetunePlan
    from lambda_studio.workflows.upkeep.database import DatabaseUpkeep
    from lambda_studio.workflows.upkeep.finding import Finding


def never() -> bool:
    """Return False: a `should_stop` that never stops the work."""
    return False


class Studio:
    """A user's studio: the registry in `home`, one of its libraries, and one stack. Close it, or use it in a `with`.

    Args:
        home: None is the folder in STUDIO_HOME, else the platform's folder for user data.
        library: None is the current library.
        stack: None is the library's stack, else the miniature. A library without a stack remembers a named one.
        notify: called with notices for the user.
        progress: called with the progress of long work.
        database: a SQLite file or a URL, if the registry is not in `home`. Adapters stay in `home`.
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
        """Release the models and close the database."""
        self.workplace.close()

    def ask_before_download(self, agree: Callable[[str], None]) -> None:
        """Call `agree` with a question before models are downloaded to a machine without a GPU.

        `agree` raises to stop the download. Without this call, such a download starts with a notice only.
        """
        self.workplace.agree = agree

    def run_on(self, device: str | None = None, precision: str | None = None) -> None:
        """Load models on this device and in this precision from now on. None is the default.

        Args:
            device: "auto", "cpu", "cuda", "cuda:1" or "mps".
            precision: "fp32", "fp16", "bf16", or "auto": half precision on a GPU that has it.

        A wrong value raises InvalidSetting when the models are needed.
        """
        self.workplace.run_on(device, precision)

    @staticmethod
    def upkeep(home: Path | str | None = None, database: str | None = None) -> "DatabaseUpkeep":
        """Return the maintenance of a database, even of a damaged one: upgrade, check, back up, restore."""
        from lambda_studio.workflows.upkeep.database import DatabaseUpkeep

        return DatabaseUpkeep(Path(home or default_home()), database)

    @property
    def library(self) -> str:
        """The library in use: its name, or OWNER/NAME if it has another owner. Raises LibraryNotFound."""
        return self.workplace.library

    @property
    def concepts(self) -> Concepts:
        """The subjects of the library."""
        return Concepts(self.workplace)

    @property
    def libraries(self) -> Libraries:
        """The libraries that the user can see."""
        return Libraries(self.workplace)

    @property
    def adapters(self) -> Adapters:
        """The library's adapters."""
        return Adapters(self.workplace)

    @property
    def runs(self) -> Runs:
        """The library's training runs."""
        return Runs(self.workplace)

    @property
    def pictures(self) -> Pictures:
        """More ways to draw than `generate`."""
        return Pictures(self.workplace)

    @property
    def evaluations(self) -> Evaluations:
        """Benchmarks, and evaluations beside each other."""
        return Evaluations(self.workplace)

    @property
    def models(self) -> Models:
        """The model files of the stack in use."""
        return Models(self.workplace)

    def generate(
        self,
        prompt: str,
        config: GenerateConfig | None = None,
        *,
        count: int = 1,
        adapter: Wanted = "auto",
        out: Path = Path("outputs"),
        **given: Unpack[GivenPictures],
    ) -> Drawn:
        """Draw `count` pictures of a prompt that names concepts as <name>, and write them under free names in `out`.

        Args:
            config: the stack's preferences, else the defaults, replace fields that were not given.
            adapter: "auto" (the newest that knows every concept of the prompt), "none", a number or hash; each but
                "none" may have a scale, as in "3:0.8". Several numbers or hashes: the sum of their scaled updates.
            out: a folder, or a name that ends in .png.
            given: picture files. `edges`: the drawing follows the edges of this picture. `from_image`: it begins with
                this photograph and noise, as `config.strength` says. `mask`: white is what is drawn anew in the
                photograph, which keeps its pixels elsewhere. `depth`: a depth map for a ControlNet decoder.

        Raises:
            PromptInvalid, ConceptNotFound, AdapterNotFound, ImageRefused, InvalidSetting, and the errors of model
            loading.
        """
        from lambda_studio.workflows.drawing.generate import Drawing, generate

        chosen = config or GenerateConfig()
        drawing = Drawing(prompt=prompt, config=chosen, count=count, adapter=adapter, out=out, **given)
        return generate(self.workplace, drawing)

    def generate_all(
        self,
        prompts: Sequence[str],
        config: GenerateConfig | None = None,
        *,
        count: int = 1,
        adapter: Wanted = "auto",
        out: Path = Path("outputs"),
        **given: Unpack[GivenPictures],
    ) -> list[Drawn]:
        """Draw `count` pictures of each prompt, and return an answer for each. Arguments and errors are `generate`'s.

        A prompt may have wildcards, as "a <*:dog>": it is drawn once for each concept of the noun, and has as many
        answers. All prompts are checked before a model is loaded. Pictures are drawn together if their settings are
        the same.
        """
        from lambda_studio.workflows.drawing.generate import Drawing, generate_all

        chosen = config or GenerateConfig()
        return generate_all(
            self.workplace,
            [
                Drawing(prompt=prompt, config=chosen, count=count, adapter=adapter, out=out, **given)
                for prompt in prompts
            ],
        )

    def finetune(
        self,
        names: Sequence[str] | None,
        config: FinetuneConfig | None = None,
        *,
        start_from: int | str | None = None,
        resume: bool = False,
        should_stop: Callable[[], bool] = never,
        evaluate: bool = False,
    ) -> Finetuned:
        """Fine-tune the decoder on the named concepts together (None: on all) and register the adapter.

        Args:
            config: the stack's preferences, else the defaults, replace fields that were not given.
            start_from: an adapter, by number or hash. The training begins with it, and half of the pictures show
                the concepts that it knows.
            resume: resume the newest unfinished run of these concepts (no names: of any). The run's settings
                then replace fields that were not given.
            should_stop: called after each step. When it returns True, the step is saved and the result has no adapter.
            evaluate: measure the adapter at the end, as `adapters.evaluate` does.

        Raises:
            Cancelled: `should_stop` returned True before the first step.
            ConceptNotFound, InvalidSetting, ResumeRefused, TrainingDiverged, and the errors of model loading.
        """
        from lambda_studio.workflows.tuning.resuming import resumed
        from lambda_studio.workflows.tuning.run import Tuner
        from lambda_studio.workflows.tuning.starting import started

        self.workplace.require_editor()
        chosen = config or FinetuneConfig()
        if resume:
            start, run = resumed(self.workplace, names, chosen)
        else:
            start, run = started(self.workplace, names, chosen, start_from), None
        return Tuner(self.workplace, evaluate).tune(start.concepts, start.config, run, should_stop)

    def plan_finetune(
        self, names: Sequence[str] | None, config: FinetuneConfig | None = None, *, start_from: int | str | None = None
    ) -> "FinetunePlan":
        """Return what `finetune` would train, how long it would take in what memory, and what may spoil it.

        Nothing is stored. If the models are on this machine, a few steps are timed on them; none is downloaded.

        Raises:
            ConceptNotFound, InvalidSetting, PicturesLeftOut, and the errors of model loading.
            ContentDamaged: the stored bytes of an image are damaged.
        """
        from lambda_studio.workflows.tuning.planning.preflight import plan_finetuning
        from lambda_studio.workflows.tuning.starting import started

        start = started(self.workplace, names, config or FinetuneConfig(), start_from)
        return plan_finetuning(self.workplace, start.concepts, start.config)

    def doctor(self, depth: str = "usual", *, repair: bool = False) -> "list[Finding]":
        """Check the database, the library, the adapters and the stack's files, and return the findings.

        Args:
            depth: "quick" reads no file contents, "usual" the library's, "thorough" everything. "thorough" also
                recomputes one in a hundred cached values.
            repair: drop wrong cached values and remove unfinished files.
        """
        from lambda_studio.workflows.upkeep.doctor import findings

        return list(findings(self.workplace, depth, repair))
