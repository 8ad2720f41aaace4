"""`studio.evaluations`: the benchmarks of the field, and evaluations beside each other."""

from pathlib import Path
from typing import TYPE_CHECKING

from lambda_studio.workflows.workplace import Workplace

if TYPE_CHECKING:  # importing this module needs no numpy
    from lambda_studio.workflows.benchmarks.comparing import EvaluationComparison


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
