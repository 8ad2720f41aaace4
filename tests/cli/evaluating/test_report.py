"""`studio evaluate report`."""

import json

import pytest
from PIL import Image

from lambda_studio.workflows.benchmarks.results.results_folder import ResultsFolder, Row


@pytest.fixture
def made(tmp_path):
    def evaluation(name: str, value: float) -> None:
        folder = ResultsFolder(tmp_path / name)
        folder.begin({"name": "dreambench"})
        with folder.adding() as writer:
            for subject in ("rex", "max"):
                Image.linear_gradient("L").save(folder.picture(subject))
                writer.add(Row(subject, (subject,), "a dog", 1, {"DINO": value}))

    evaluation("one", 0.25)
    evaluation("other", 0.5)


@pytest.mark.usefixtures("made")
def test_a_page_a_table_and_json(studio, tmp_path) -> None:
    answer = studio("evaluate", "report", "one")
    assert answer.code == 0, answer.err
    assert [line.split() for line in answer.out.splitlines()] == [
        ["METRIC", "MEAN", "95", "%", "OF", "IT", "SUBJECTS", "PICTURES"],
        ["DINO", "0.2500", "-", "2", "2"],
        ["There", "are", "2", "subjects,", "and", "an", "interval", "needs", "at", "least", "6."],
        ["The", "report:", "one/report.html"],
    ]
    said = json.loads(studio("evaluate", "report", "one", "--out", "mine.html", "--json").out)
    assert (said["path"], said["metrics"][0]["interval"]["mean"]) == ("mine.html", 0.25)
    assert said["subjects"][0]["means"]["DINO"]["count"] == 1
    assert said["extremes"][0] == {
        "metric": "DINO", "rank": "highest", "key": "max", "score": 0.25, "prompt": "a dog", "subjects": ["max"],
        "seed": 1,
    }  # fmt: skip
    assert (tmp_path / "mine.html").read_bytes() == (tmp_path / "one" / "report.html").read_bytes()


@pytest.mark.usefixtures("made")
def test_two_evaluations(studio, tmp_path) -> None:
    answer = studio("evaluate", "report", "one", "other", "--out", "both.html")
    assert answer.code == 0, answer.err
    assert answer.out.splitlines()[1].split()[:4] == ["DINO", "0.2500", "0.5000", "+0.2500"]
    assert answer.out.splitlines()[-3:] == [
        "2 pictures of 2 subjects are in both.",
        "There are 2 subjects, and an interval needs at least 6. Without one, no difference is clear.",
        "The report: both.html",
    ]
    said = json.loads(studio("evaluate", "report", "one", "other", "--json").out)
    assert said["path"] == "other/comparison.html"
    assert said["comparison"]["metrics"][0]["difference"]["mean"] == 0.25
    assert [(each["rank"], each["key"]) for each in said["changes"]] == [("gained", "max"), ("gained", "rex")]


@pytest.mark.usefixtures("made")
def test_another_file_is_kept_and_a_wrong_name_refused(studio, tmp_path) -> None:
    (tmp_path / "mine.html").write_text("mine")
    assert studio("evaluate", "report", "one", "--out", "mine.html").out.endswith("The report: mine-2.html\n")
    assert (tmp_path / "mine.html").read_text() == "mine"
    answer = studio("evaluate", "report", "one", "--out", "mine.pdf")
    assert answer.code == 2 and "mine.pdf does not name a page" in answer.err
    answer = studio("evaluate", "report", "nothing")
    assert answer.code == 2 and "nothing has no evaluation" in answer.err
