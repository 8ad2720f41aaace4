"""Results are plain values: a program that only reads them needs no torch."""

import subprocess
import sys

from lambda_studio.evaluation.results import Matrix


def test_a_value_is_found_by_its_names() -> None:
    matrix = Matrix(("rex", "hat"), ((1.0, 0.2), (0.3, None)))
    assert [matrix.value("rex", "hat"), matrix.value("hat", "rex"), matrix.value("hat", "hat")] == [0.2, 0.3, None]


def test_no_torch_is_imported() -> None:
    script = (
        "import sys\nfrom lambda_studio.workflows.evaluating.evaluation import AdapterEvaluation\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0
