"""The report of two evaluations beside each other."""

import re
from dataclasses import replace
from html import unescape

import pytest

from lambda_studio.errors import InvalidSetting
from lambda_studio.workflows.benchmarks.comparisons.comparing import compare
from lambda_studio.workflows.benchmarks.reports.comparison import report_comparison
from lambda_studio.workflows.benchmarks.results.results_folder import Row


def test_it_has_the_paired_differences_and_the_pictures_side_by_side(evaluation, rows, open_door) -> None:
    one = evaluation("one", *rows())
    better = [
        replace(row, scores={**row.scores, "DINO": row.scores["DINO"] + 0.1 * row.seed + 0.001 * number})
        for number, row in enumerate(rows())
    ]
    other = evaluation("other", *better[:-1])
    found = report_comparison(one.out, other.out, None, open_door)
    assert found.path == other.out / "comparison.html"
    assert found.comparison == compare(one.out, other.out)
    rex, _ = found.subjects
    assert (rex.name, rex.pictures, rex.differences["DINO"].mean) == ("rex", 4, pytest.approx(0.1515))
    assert rex.differences["CLIP-T"].mean == 0
    assert [(each.rank, each.key) for each in found.changes][:3] == [
        ("gained", "max/1/2"),
        ("gained", "rex/2/2"),
        ("gained", "rex/1/2"),
    ]
    page = found.path.read_text(encoding="utf-8")
    said = unescape(page)
    figure = next(each for each in page.split("<figure") if "max/1/2" in each)
    assert re.findall(r'alt="(\w+): max/1/2"', figure) == ["ONE", "OTHER"]
    assert "<b>+0.2050</b> 0.3200 → 0.5250" in figure
    for text in (
        "ONE is one, OTHER is other",
        "7 pictures are in both. 1 are only in ONE, 0 only in OTHER.",
        "OTHER: 1 of 4 prompts have fewer than 2 pictures",
        f"studio evaluate compare {one.out} {other.out}",
        "What OTHER is",
        "<th>num_inference_steps</th><td>50</td>",
    ):
        assert text in said
    assert "script" not in page and page.count("<svg") == 4
    row = re.findall(r"<tr><td>DINO</td>(.*)</tr>", page)[0]
    shown = found.comparison.metrics[0].difference
    assert re.findall(r">([^<>]+)</td>", row)[-3:] == [f"{shown.mean:+.4f}", "–", "no"]
    assert "There are 2 subjects, and an interval needs at least 6. Without one, no difference is clear." in said


def test_losses_are_shown_and_equal_evaluations_have_none(evaluation, rows, open_door) -> None:
    one, other = evaluation("one", *rows(0.2)), evaluation("other", *rows())
    found = report_comparison(one.out, other.out, None, open_door)
    assert {each.rank for each in found.changes} == {"lost"}
    assert "Lost most: ONE at the left" in found.path.read_text(encoding="utf-8")
    same = report_comparison(one.out, one.out, None, open_door)
    assert same.changes == () and "No score differs." in same.path.read_text(encoding="utf-8")


def test_an_interval_of_enough_subjects_is_shown(evaluation, open_door) -> None:
    one, other = (
        evaluation(name, *(Row(each, (each,), "", 1, {"DINO": 0.1 + gain}) for each in "abcdef"))
        for name, gain in (("one", 0.0), ("other", 0.2))
    )
    found = report_comparison(one.out, other.out, None, open_door)
    page = found.path.read_text(encoding="utf-8")
    (row,) = re.findall(r"<tr><td>DINO</td>(.*)</tr>", page)
    assert re.findall(r">([^<>]+)</td>", row)[-3:] == ["+0.2000", "+0.2000 to +0.2000", "yes"]


def test_with_one_subject_nothing_is_called_clear(evaluation, open_door) -> None:
    one = evaluation("one", Row("a", ("rex",), "", 1, {"DINO": 0.1}))
    other = evaluation("other", Row("a", ("rex",), "", 2, {"DINO": 0.2}))
    page = report_comparison(one.out, other.out, None, open_door).path.read_text(encoding="utf-8")
    assert "<td>no</td>" in page and "There is 1 subject, and" in page and "seeds 1 and 2" in page


def test_what_cannot_be_compared_writes_nothing(evaluation, rows, open_door, tmp_path) -> None:
    one, other = evaluation("one", *rows()), evaluation("other", *rows(), about={"name": "ccd"})
    with pytest.raises(InvalidSetting, match="name is dreambench, and ccd in the other"):
        report_comparison(one.out, other.out, tmp_path / "page.html", open_door)
    assert not (tmp_path / "page.html").exists()
    with pytest.raises(InvalidSetting, match="nothing has no evaluation"):
        report_comparison(one.out, tmp_path / "nothing", None, open_door)
