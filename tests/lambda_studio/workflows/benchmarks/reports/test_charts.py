"""The plots of a report: all of it is inside, and no label is on another."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambda_studio.evaluation.statistics import Interval
from lambda_studio.workflows.benchmarks.reports.charts import MOST_SUBJECTS, WIDTH, distribution, subject_chart

SCORES = st.lists(st.floats(-1e12, 1e12) | st.floats(-1, 1), min_size=1, max_size=30)
DIGIT = 7.7
"""The pixels of a digit of DejaVu Sans, a wide font, at the size of labels."""


def apart(columns) -> bool:
    """Whether labels that are centred at their pixels have room between them."""
    spans = [(x - DIGIT * len(text) / 2, x + DIGIT * len(text) / 2) for x, text in columns]
    return all(first[1] < second[0] for first, second in itertools.pairwise(spans))


def test_a_distribution_counts_every_value() -> None:
    plot = distribution("DINO", [0.0, 0.0, 0.0, 1.0], Interval(0.25, 0.0, 0.5, 4))
    assert [(bar.count, bar.height) for bar in plot.bars] == [(3, 114.0), (1, 38.0)]
    assert plot.tallest == 3
    assert plot.left < plot.low < plot.mean < plot.high < plot.right
    assert [text for _, text in plot.columns] == ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]


def test_a_mean_without_an_interval_has_its_ends_at_itself() -> None:
    plot = distribution("DINO", [0.0, 1.0], Interval(0.5, None, None, 2))
    (line,) = subject_chart("DINO", {"rex": Interval(0.5, None, None, 2)}, 0.25).lines
    assert plot.low == plot.mean == plot.high and line.low == line.mean == line.high


@settings(max_examples=200, deadline=None)
@given(SCORES)
def test_everything_is_inside_and_labels_are_apart(values: list[float]) -> None:
    mean = sum(values) / len(values)
    plot = distribution("x", values, Interval(mean, min(values), max(values), len(values)))
    assert sum(bar.count for bar in plot.bars) == len(values)
    assert all(plot.left <= bar.x and bar.x + bar.width <= plot.right + 1 for bar in plot.bars)
    assert plot.left <= plot.low <= plot.mean <= plot.high <= plot.right
    assert apart(plot.columns)
    lines = {f"s{number}": Interval(value, value, value, 1) for number, value in enumerate(values)}
    chart = subject_chart("x", lines, mean)
    assert all(chart.left <= line.low <= line.high <= WIDTH for line in chart.lines)
    assert apart(chart.columns)


@pytest.mark.parametrize("name", ["rex", "M" * 80, "红色的毛绒玩具狗" * 5])
def test_names_have_room(name: str) -> None:
    chart = subject_chart("DINO", {name: Interval(0.5, 0.4, 0.6, 3)}, 0.5)
    shown = chart.lines[0].name
    wide = sum({"M": 10.4, "…": 12}.get(letter, 12 if ord(letter) > 0x2E80 else 7.7) for letter in shown)
    assert chart.left - 12 - wide >= 0
    assert shown == name or shown.endswith("…")
    assert chart.middle == chart.lines[0].mean


def test_lines_of_subjects_are_apart_and_limited() -> None:
    chart = subject_chart(
        "DINO", {f"s{number}": Interval(0.1, 0.0, 0.2, 2) for number in range(MOST_SUBJECTS + 5)}, 0.0
    )
    assert (len(chart.lines), chart.left_out) == (MOST_SUBJECTS, 5)
    steps = {round(second.y - first.y, 6) for first, second in itertools.pairwise(chart.lines)}
    assert steps == {20} and chart.lines[-1].y < chart.height - 26


def test_long_numbers_beside_long_names_are_fewer() -> None:
    lines = {"M" * 80: Interval(0.0, -2.7e-8, 2.7e-8, 3)}
    columns = subject_chart("FID", lines, 0.0).columns
    assert apart(columns)
    assert [text for _, text in columns] == ["-0.00000002", "0.00000000", "0.00000002"]
