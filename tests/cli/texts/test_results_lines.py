"""The numbers of evaluations in words."""

from pathlib import Path

from cli.texts.results_lines import comparison_lines, evaluation_lines
from lambda_studio.evaluation.statistics import Interval
from lambda_studio.workflows.benchmarks.comparisons.comparing import EvaluationComparison, MetricComparison
from lambda_studio.workflows.benchmarks.reports.evaluation import EvaluationReport
from lambda_studio.workflows.benchmarks.reports.summary import MetricSummary
from lambda_studio.workflows.benchmarks.results.table import KeptTable


def test_a_comparison_says_what_only_one_has() -> None:
    dino = MetricComparison("DINO", 0.5, 0.4, Interval(-0.1, -0.2, 0.05, 3))
    lines = comparison_lines(EvaluationComparison(9, 3, 2, 1, (dino,), ("Other versions.",)))
    assert lines[1].split() == ["DINO", "0.5000", "0.4000", "-0.1000", "-0.2000", "to", "+0.0500", "no"]
    few = MetricComparison("DINO", 0.5, 0.4, Interval(-0.1, None, None, 1))
    alone = comparison_lines(EvaluationComparison(1, 1, 0, 0, (few,)))
    assert alone[1].split()[-3:] == ["-0.1000", "-", "no"] and alone[2] == "1 picture of 1 subject is in both."
    assert lines[2:] == [
        "9 pictures of 3 subjects are in both. 2 are only in ONE, 1 only in OTHER.",
        "Other versions.",
    ]


def test_the_row_of_photographs_stands_beside_the_means() -> None:
    means = tuple(MetricSummary(name, Interval(0.5, 0.4, 0.6, 6), 9) for name in ("DINO", "CLIP-T"))
    kept = KeptTable("2026-11-28", "studio evaluate dreambench DIR", {"DINO": 0.7})
    lines = evaluation_lines(EvaluationReport(Path("report.html"), {}, 9, means, (), (), (), kept))
    assert [line.split()[-1] for line in lines[:3]] == ["REAL", "0.7000", "-"]
    assert lines[3] == "The table is of 2026-11-28, by: studio evaluate dreambench DIR"


def test_an_empty_evaluation_has_no_table() -> None:
    found = EvaluationReport(Path("out/report.html"), {}, 0, (), (), (), ("It is empty.",))
    assert evaluation_lines(found) == ["It is empty.", "The report: out/report.html"]
