"""`studio.evaluations`: the benchmarks of the field, and evaluations beside each other."""

from pathlib import Path
from typing import TYPE_CHECKING

from lambda_studio.workflows.workplace import Workplace

if TYPE_CHECKING:  # importing this module needs no numpy
    from lambda_studio.evaluation.concept_bed.ccd import FolderCcd
    from lambda_studio.workflows.benchmarks.comparing import EvaluationComparison
    from lambda_studio.workflows.benchmarks.reports.comparison import ComparisonReport
    from lambda_studio.workflows.benchmarks.reports.evaluation import EvaluationReport


class Evaluations:
    """Evaluations, each in a folder of its own."""

    def __init__(self, workplace: Workplace):
        self._place = workplace

    @staticmethod
    def compare(one: Path, other: Path) -> "EvaluationComparison":
        """Return how the scores of two evaluations differ, picture by picture, with subjects as the bootstrap's units.

        Raises InvalidSetting for a folder without an evaluation, for evaluations of different kinds, and if no picture
        or no metric is in both.
        """
        from lambda_studio.workflows.benchmarks.comparing import compare

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
