"""The table of a benchmark, in words."""

from pathlib import Path

from cli.texts.benchmark_lines import benchmark_lines
from lambda_studio.evaluation.statistics import Interval
from lambda_studio.workflows.benchmarks.scores import BenchmarkScores, SubjectScores


def test_a_metric_without_a_row_of_photographs_has_a_dash() -> None:
    subject = SubjectScores("rex", "dog", 5, 4, {"DINO": 0.5, "CLIP-T": 0.3}, {"DINO": 0.7})
    overall = {"DINO": Interval(0.5, 0.4, 0.6, 1), "CLIP-T": Interval(0.3, 0.2, 0.4, 1)}
    found = BenchmarkScores(
        "dreambench", Path("out"), {"mean": "over subjects"}, "me", 1, 4, (subject,), overall, {"DINO": 0.7}, ("Note.",)
    )
    assert list(benchmark_lines(found)) == [
        "dreambench, drawn by me",
        "  mean: over subjects",
        "SUBJECT  NOUN  PHOTOS  DINO    CLIP-T  REAL DINO  REAL CLIP-T",
        "rex      dog   5       0.5000  0.3000  0.7000     -",
        "all                    0.5000  0.3000  0.7000     -",
        "DINO 0.5000, 95 % interval over 1 subjects 0.4000 to 0.6000",
        "CLIP-T 0.3000, 95 % interval over 1 subjects 0.2000 to 0.4000",
        "Note.",
        "4 pictures of 1 prompts, each with its scores: out",
    ]
