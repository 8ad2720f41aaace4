"""The table of a benchmark, in words."""

from pathlib import Path

from cli.texts.benchmark_lines import benchmark_lines
from lambda_studio.evaluation.statistics import Interval
from lambda_studio.workflows.benchmarks.results.scores import BenchmarkScores, SubjectScores


def test_a_metric_of_no_photographs_has_no_column_of_them() -> None:
    subject = SubjectScores("rex", "dog", 5, 4, {"DINO": 0.5, "CLIP-T": 0.3}, {"DINO": 0.7})
    overall = {"DINO": Interval(0.5, 0.4, 0.6, 6), "CLIP-T": Interval(0.3, None, None, 1)}
    found = BenchmarkScores(
        "dreambench", Path("out"), {"mean": "over subjects"}, "me", 1, 4, (subject,), overall, {"DINO": 0.7}, ("Note.",)
    )
    assert list(benchmark_lines(found)) == [
        "dreambench, drawn by me",
        "  mean: over subjects",
        "SUBJECT  NOUN  PHOTOS  DINO    CLIP-T  REAL DINO",
        "rex      dog   5       0.5000  0.3000  0.7000",
        "all                    0.5000  0.3000  0.7000",
        "DINO 0.5000, 95 % interval over 6 subjects 0.4000 to 0.6000",
        "CLIP-T 0.3000, no interval over 1 subject",
        "Note.",
        "4 pictures of 1 prompt, each with its scores: out",
    ]
