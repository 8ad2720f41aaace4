"""`studio.evaluations`: the benchmarks of the field, and evaluations beside each other."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lambda_studio.config import BenchmarkConfig, GenerateConfig
from lambda_studio.settings.benchmarks import places_of
from lambda_studio.workflows.workplace import Workplace

if TYPE_CHECKING:  # importing this module needs no numpy
    from lambda_studio.evaluation.concept_bed.ccd import FolderCcd
    from lambda_studio.workflows.answers.benchmarks import SetDistances, SubjectCollapse, WrittenPrompts
    from lambda_studio.workflows.benchmarks.comparisons.comparing import EvaluationComparison
    from lambda_studio.workflows.benchmarks.reports.comparison import ComparisonReport
    from lambda_studio.workflows.benchmarks.reports.evaluation import EvaluationReport
    from lambda_studio.workflows.benchmarks.results.scores import BenchmarkScores


class Evaluations:
    """Evaluations, each in a folder of its own."""

    def __init__(self, workplace: Workplace):
        self._place = workplace

    @staticmethod
    def compare(one: Path, other: Path) -> "EvaluationComparison":
        """Return how the scores of two evaluations differ, picture by picture, with subjects as the bootstrap's units.

        Raises InvalidSetting for a folder without an evaluation, for evaluations of different kinds or of ccd, and if
        no picture or no metric is in both.
        """
        from lambda_studio.workflows.benchmarks.comparisons.comparing import compare

        return compare(one, other)

    def report(self, folder: Path, out: Path | None = None) -> "EvaluationReport":
        """Write a page about an evaluation that needs nothing outside of its file, and return its numbers.

        Args:
            folder: the folder of the evaluation, which may be incomplete.
            out: the page, or a folder that is there; by default `report.html` in `folder`. An earlier report of the
                same evaluation is replaced; where another file has the name, a number is added to it.

        Raises InvalidSetting for a folder without an evaluation and for an `out` that is no page; OutputExists if a
        file has the name of the page's folder; DecoderNotStarted.
        """
        from lambda_studio.workflows.benchmarks.reports.evaluation import report_evaluation

        return report_evaluation(folder, out, self._place.door)

    def report_comparison(self, one: Path, other: Path, out: Path | None = None) -> "ComparisonReport":
        """Write a page about two evaluations beside each other, and return its numbers.

        It is `comparison.html` in `other` if there is no `out`. Raises as `compare` and `report`.
        """
        from lambda_studio.workflows.benchmarks.reports.comparison import report_comparison

        return report_comparison(one, other, out, self._place.door)

    def ccd(self, generated: Path, real: Path, oracle: str = "miniature", reference: str = "global") -> "FolderCcd":
        """Return ConceptBed's concept confidence deviation of generated pictures from real ones.

        Args:
            generated: a folder with a folder for each class, and pictures in it.
            real: the same, of real pictures.
            oracle: `miniature`, `timm:FOLDER` or `vilt:FOLDER`.
            reference: compare with the mean of all real pictures (`global`), or with those of the class (`class`).

        Raises InvalidSetting, ImageRefused, ModelFilesMissing and ModelFilesInvalid.
        """
        from lambda_studio.workflows.benchmarks.concept_bed import Compared, measure_folders

        return measure_folders(
            self._place, Compared(generated=generated, real=real, oracle=oracle, reference=reference)
        )

    def sets(
        self,
        drawn: Path,
        real: Path,
        metrics: Sequence[str] = ("fid", "kid", "cmmd"),
        weights: Sequence[str] = (),
    ) -> "SetDistances":
        """Return how far a folder of drawn pictures is from a folder of real ones, with subfolders.

        Args:
            metrics: `fid`, `kid`, `cmmd` (OpenAI's CLIP L/14, 336 pixels) and `cmmd-stack` (the stack's CLIP).
            weights: folders or files of weights, as "inception=FOLDER". Others are looked for in the hub's cache.

        Raises InvalidSetting, ImageRefused, ModelFilesMissing and ModelFilesInvalid.
        """
        from lambda_studio.workflows.benchmarks.sets import measure_sets

        return measure_sets(self._place, drawn, real, metrics, places_of(weights))

    @staticmethod
    def collapse(folder: Path, threshold: float = 0.7) -> "SubjectCollapse":
        """Return the published Subject Collapse Rate of an evaluation: the share of subjects that are not recognised.

        Args:
            folder: the folder of an evaluation with scores of dinov2-vits14, which may be incomplete.
            threshold: the least similarity of a subject that counts as drawn.

        Raises InvalidSetting.
        """
        from lambda_studio.workflows.benchmarks.collapsing import collapse_of

        return collapse_of(folder, threshold)

    def dreambench(
        self,
        folder: Path,
        out: Path,
        config: BenchmarkConfig | None = None,
        drawing: GenerateConfig | None = None,
        *,
        score_only: Path | None = None,
    ) -> "BenchmarkScores | None":
        """Draw DreamBench's prompts and score the pictures; the library stays as it is.

        The same call resumes an evaluation that was stopped. Under accelerate launch, the processes share it out.

        Args:
            folder: DreamBooth's folder `dataset`: prompts_and_classes.txt, and a folder of photographs of each subject.
            out: the folder of the evaluation.
            drawing: the stack's preferences, else the defaults, replace fields that were not given. The seed is 0.
            score_only: a folder of pictures that another program drew, as dog6/03/1.png: subject, number of the prompt.

        Returns:
            The table; None in a process that is not the first one.

        Raises:
            InvalidSetting, AdapterNotFound, ImageRefused, MaskRefused, and the errors of models and drawing.
        """
        from lambda_studio.workflows.benchmarks.benchmark import BenchmarkRun
        from lambda_studio.workflows.benchmarks.dreambench import dreambench_in

        chosen = config or BenchmarkConfig()
        benchmark = dreambench_in(folder, chosen)
        return BenchmarkRun(self._place, benchmark, out, chosen, drawing or GenerateConfig()).run(score_only)

    def multibench(
        self,
        folder: Path,
        out: Path,
        config: BenchmarkConfig | None = None,
        drawing: GenerateConfig | None = None,
        *,
        together: int = 3,
        score_only: Path | None = None,
    ) -> "BenchmarkScores | None":
        """Draw Multibench's prompts for the subjects in a folder, and score the pictures as each of their subjects.

        Args:
            folder: a folder of photographs for each subject. Its noun comes from multibench.json, DreamBench's file, or
                the folder's name.
            together: the number of subjects of a prompt, 3 or 2. The compositions of two are a reconstruction.

        The other arguments, the answer and the errors are those of `dreambench`.
        """
        from lambda_studio.workflows.benchmarks.benchmark import BenchmarkRun
        from lambda_studio.workflows.benchmarks.multibench import multibench_in

        chosen = config or BenchmarkConfig()
        benchmark = multibench_in(folder, chosen, together)
        return BenchmarkRun(self._place, benchmark, out, chosen, drawing or GenerateConfig()).run(score_only)

    @staticmethod
    def write_multibench_prompts(
        out: Path, folder: Path | None = None, config: BenchmarkConfig | None = None, *, together: int = 3
    ) -> "WrittenPrompts":
        """Write Multibench's prompts into a new file, of the subjects in a folder, or of the published ones for None.

        Args:
            out: ends in .txt (a prompt in each line, for `generate_all`), or .jsonl (also its subjects and template).

        Raises:
            InvalidSetting, OutputExists.
        """
        from lambda_studio.workflows.benchmarks.multibench import write_prompts

        return write_prompts(out, folder, config or BenchmarkConfig(), together)
