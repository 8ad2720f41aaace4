"""Distances of sets, and lost subjects, in words."""

from pathlib import Path

from cli.texts.sets_lines import collapse_lines, sets_lines
from lambda_studio.evaluation.statistics import Interval
from lambda_studio.workflows.answers.benchmarks import MetricOfSets, SetDistances, SubjectCollapse


def test_each_metric_has_its_note_beside_its_value() -> None:
    metrics = {"fid": MetricOfSets(12.34567, "inception", "a1", "too high"), "cmmd": MetricOfSets(0.5, "clip", "b2")}
    lines = list(sets_lines(SetDistances(Path("a"), Path("b"), 1200, 30, metrics)))
    assert [line.split() for line in lines[1:3]] == [
        ["fid", "12.3457", "inception", "too", "high"], ["cmmd", "0.5000", "clip"],
    ]  # fmt: skip
    assert lines[3] == "1,200 drawn pictures in a, 30 real ones in b."


def test_a_collapse_rate_has_its_interval_and_notes() -> None:
    over = Interval(0.25, 0.1, 0.4, 8)
    found = SubjectCollapse(
        Path("e"), "multibench", "dinov2-vits14", 0.7, 8, 16, 0.25, over, {"dog": 0.5}, ("a note",)
    )  # fmt: skip
    lines = list(collapse_lines(found))
    assert [line.split() for line in lines[1:3]] == [["dog", "0.500"], ["all", "0.250"]]
    assert lines[3] == "Subject collapse rate of multibench: 0.250, 95 % interval over subjects 0.100 to 0.400."
    assert lines[4].startswith("16 subjects in 8 pictures.") and lines[5] == "a note"
