"""The report of one evaluation."""

import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import pytest

from lambda_studio.errors import InvalidSetting
from lambda_studio.workflows.benchmarks.reports.evaluation import report_evaluation
from lambda_studio.workflows.benchmarks.results.results_folder import SCORES, Row


class Page(HTMLParser):
    """Collects the elements of a page and what it would load, and checks that every element is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loaded: list[str] = []
        self.open: list[str] = []
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.loaded += [value for name, value in attrs if name in ("src", "href", "xlink:href", "srcset")]
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag


def test_the_page_has_what_was_evaluated_and_needs_nothing_outside(evaluation, rows, open_door) -> None:
    folder = evaluation("one", *rows())
    found = report_evaluation(folder.out, None, open_door)
    assert found.path == folder.out / "report.html"
    page = found.path.read_text(encoding="utf-8")
    read, said = Page(page), unescape(page)
    assert read.open == []
    assert {source.partition(",")[0] for source in read.loaded} == {"data:image/jpeg;base64"}
    assert not set(read.tags) & {"script", "link", "iframe", "object"}
    assert not [name for name in read.attributes if name.startswith("on")]
    assert "@import" not in page and "url(" not in page
    for text in (
        "dreambench: one",
        "8 scored pictures of 2 subjects.",
        "<th>references</th><td>all photographs</td>",
        "<th>stack</th><td>miniature</td>",
        "<th>num_inference_steps</th><td>50</td>",
        "<th>torch</th>",
        "a <rex> no. 1",
        "rex · seed 1 · rex/1/1",
        "DINO is likeness: cosine similarity",
        "CLIP-T is composition: cosine similarity",
        "and the lowest, of which the lowest is first",
        f"studio evaluate compare {folder.out} OTHER",
    ):
        assert text in said
    assert read.tags.count("svg") == 4, "a distribution and the subjects, for two metrics"
    assert page.index("Protocol") < page.index("What was evaluated") < page.index("<h2>Scores")


def test_the_numbers_of_the_page_are_those_of_the_answer(evaluation, rows, open_door) -> None:
    found = report_evaluation(evaluation("one", *rows()).out, None, open_door)
    dino, clip = found.metrics
    assert (dino.interval.mean, clip.interval.mean) == (pytest.approx(0.265), pytest.approx(0.285))
    page = found.path.read_text(encoding="utf-8")
    row = re.findall(r"<tr><td>DINO</td>(.*)</tr>", page)
    assert re.findall(r">([^<>]+)</td>", row[0]) == ["0.2650", "–", "2", "8"]
    assert found.notes == ("There are 2 subjects, and an interval needs at least 6.",)
    assert [(each.rank, each.key) for each in found.extremes[:6]] == [
        ("highest", "max/2/2"),
        ("highest", "max/2/1"),
        ("median", "max/1/1"),
        ("median", "rex/2/2"),
        ("lowest", "rex/1/1"),
        ("lowest", "rex/1/2"),
    ]
    shown = re.findall(r"<figcaption><b>([\d.]+)</b>", page)
    assert shown == [f"{each.score:.4f}" for each in found.extremes]
    assert found.evaluation["protocol"]["mean"] == "over subjects"


def test_confidences_are_no_scores_to_report(evaluation, open_door) -> None:
    with pytest.raises(InvalidSetting, match="its result is their deviation") as refused:
        report_evaluation(evaluation("ccd", about={"name": "ccd"}).out, None, open_door)
    assert "studio evaluate ccd --out" in refused.value.remedy


def test_strangers_texts_are_text(evaluation, open_door) -> None:
    bad = "<img src=x onerror=alert(1)>'\"&"
    row = Row("rex", (bad, "rex"), f"a {bad} \u202e", -1, {bad: 0.5}, {bad: {bad: 0.25}})
    folder = evaluation("bad", row, about={"name": bad, "protocol": {bad: bad}, bad: bad, "more": {bad: [bad]}})
    page = report_evaluation(folder.out, None, open_door).path.read_text(encoding="utf-8")
    read = Page(page)
    assert read.open == [] and read.loaded and all(source.startswith("data:image/jpeg") for source in read.loaded)
    assert "onerror" not in read.attributes
    assert "\u202e" not in page and "\\u202e" in page and "seed unknown" in page


def test_an_empty_evaluation_has_a_page_that_says_so(evaluation, open_door) -> None:
    found = report_evaluation(evaluation("empty", about={"name": "multibench"}).out, None, open_door)
    page = found.path.read_text(encoding="utf-8")
    assert Page(page).open == []
    assert (found.pictures, found.metrics, found.subjects, found.extremes) == (0, (), (), ())
    assert "The evaluation is empty: no picture has scores yet." in page
    assert "The evaluation states no protocol." in page
    assert "<h2>Scores" not in page and "<svg" not in page


def test_pictures_without_a_score_or_a_subject_have_no_plot_of_subjects(evaluation, open_door) -> None:
    folder = evaluation("odd", Row("a", (), "", 1, {"DINO": 0.5}), Row("b", ("rex",), "", 1, {"CLIP-T": 0.5}))
    page = report_evaluation(folder.out, None, open_door).path.read_text(encoding="utf-8")
    assert Page(page).open == []
    assert "The means of the subjects by CLIP-T" in page and "The means of the subjects by DINO" not in page


def test_a_second_report_replaces_the_first_and_nothing_else(evaluation, rows, open_door, tmp_path) -> None:
    one, other = evaluation("one", *rows()[:7]), evaluation("other", about={"name": "multibench"})
    path = report_evaluation(one.out, tmp_path / "page.html", open_door).path
    with one.adding() as writer:
        writer.add(replace(rows()[0], key="rex/1/1", seed=5))
    assert report_evaluation(one.out, path, open_door).path == path
    assert "seed 5" in path.read_text(encoding="utf-8")
    assert report_evaluation(other.out, path, open_door).path == tmp_path / "page-2.html"
    (other.out / SCORES).write_text("{}\n")
    with pytest.raises(InvalidSetting, match="is no row of scores"):
        report_evaluation(other.out, path, open_door)
