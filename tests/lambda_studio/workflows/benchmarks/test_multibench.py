"""Multibench goes from end to end, restricted to what is there, and its prompts are written without a model."""

import json
from html import unescape
from pathlib import Path

import pytest

from lambda_studio.config import BenchmarkConfig
from lambda_studio.errors import InvalidSetting, OutputExists
from lambda_studio.workflows.benchmarks.results.results_folder import ResultsFolder
from lambda_studio.workflows.evaluations import Evaluations
from tests.dreambench import write_dreambench, write_noise
from tests.lambda_studio.workflows.benchmarks.conftest import FAST


@pytest.fixture
def subjects(tmp_path: Path) -> Path:
    """A dog, a cat, a vase and a toy: two compositions of three subjects."""
    folder = write_dreambench(tmp_path / "subjects")
    write_noise(folder / "toy" / "00.png", 1)
    return folder


def test_pictures_are_scored_as_each_of_their_subjects(studio, subjects, config, tmp_path) -> None:
    found = studio.evaluations.multibench(subjects, tmp_path / "out", config(pictures=1), FAST)
    assert [each.name for each in found.subjects] == ["dog", "toy", "vase", "cat2"]
    assert (found.prompts, found.pictures) == (2, 2)
    rows = ResultsFolder(tmp_path / "out").rows()
    assert set(rows) == {"007/dog+toy+vase/1", "027/cat2+toy+vase/1"}
    for row in rows.values():
        likenesses = [each["clip-i"] for each in row.by_subject.values()]
        assert row.scores["clip-i"] == pytest.approx(sum(likenesses) / 3)
        assert len(set(likenesses)) == 3 and tuple(row.by_subject) == row.subjects
    dog = next(row for row in rows.values() if "dog" in row.subjects)
    assert found.subjects[0].scores["clip-i"] == pytest.approx(dog.by_subject["dog"]["clip-i"])
    assert dog.facts["text"] == "dog with a toy and vase" and dog.prompt == "<dog> with a <toy> and <vase>"
    assert found.protocol["mean"] == "over the subjects of a picture, then over pictures"
    assert "Restricted to 2 of 405 compositions" in found.notes[-1] and "horse" in found.notes[-1]


def test_two_subjects_are_said_to_be_a_reconstruction(studio, subjects, config, tmp_path) -> None:
    settings = config(pictures=1, prompts=("61-80",))
    found = studio.evaluations.multibench(subjects, tmp_path / "out", settings, FAST, together=2)
    assert found.pictures == 2 and "a reconstruction, not the paper's" in found.notes[-1]
    assert found.notes[-2].startswith("Restricted to 2 of 217 compositions")
    assert ResultsFolder(tmp_path / "out").about()["notes"] == list(found.notes[-2:])
    report = studio.evaluations.report(tmp_path / "out")
    assert set(found.notes[-2:]) <= set(report.notes)
    assert found.notes[-1] in unescape(report.path.read_text())
    assert {each.metric: each.interval for each in report.metrics} == found.overall
    assert found.notes[-1] in studio.evaluations.compare(tmp_path / "out", tmp_path / "out").notes
    assert {row.prompt for row in ResultsFolder(tmp_path / "out").rows().values()} == {
        "<dog> and <cat2> in the snow", "<cat2> and <dog> in the snow",
    }  # fmt: skip


def test_the_published_prompts_are_written_without_a_folder(tmp_path) -> None:
    written = Evaluations.write_multibench_prompts
    three = written(tmp_path / "three.txt")
    said = three.path.read_text().splitlines()
    lines = [line for line in said if not line.startswith("#")]
    assert said[: len(said) - 1476] == [f"# {note}" for note in three.notes]
    assert (three.compositions, three.of_compositions, three.prompts, len(set(lines))) == (405, 405, 1476, 1476)
    assert lines[0] == "<dog> with a <bear_plushie> and <guitar>"
    assert "not published" in three.notes[0]
    two = written(tmp_path / "two.jsonl", together=2)
    assert (two.compositions, two.of_compositions) == (217, 217) and "reconstruction" in two.notes[0]
    first = json.loads(two.path.read_text().splitlines()[0])
    assert first["notes"] == list(two.notes) and "a reconstruction, not the paper's" in two.notes[0]
    assert first["prompt"] == "<dog> and <cat> playing in the garden" and first["subjects"] == {
        "dog": "dog",
        "cat": "cat",
    }
    with pytest.raises(OutputExists, match=r"three\.txt exists"):
        written(tmp_path / "three.txt")
    with pytest.raises(InvalidSetting, match=r"is no \.txt or \.jsonl"):
        written(tmp_path / "three.csv")


def test_a_folders_own_subjects_are_written(studio, subjects, tmp_path) -> None:
    written = studio.evaluations.write_multibench_prompts(tmp_path / "own.txt", subjects)
    note, *lines = written.path.read_text().splitlines()
    assert note.startswith("# Restricted to 2 of 405 compositions") and note.endswith(
        "with 2 prompts in place of 1,476: the scores are not Multibench's."
    )
    assert sorted(lines) == [
        "<cat2> with a <toy> and <vase>", "<dog> with a <toy> and <vase>",
    ]  # fmt: skip


def test_what_is_not_multibenchs_is_refused(studio, subjects, config, tmp_path) -> None:
    for settings, why in (
        ({"mean": "pairs"}, "one subject"),
        ({"unique_token": "sks"}, "is for DreamBench"),
        ({"subjects": ("dog", "vase")}, "has the subjects of no prompt. Restricted to 0 of 405"),
    ):
        with pytest.raises(InvalidSetting, match=why):
            studio.evaluations.multibench(subjects, tmp_path / "out", config(**settings), FAST)
    with pytest.raises(InvalidSetting, match=r"prompts names 5000, which no prompt has"):
        studio.evaluations.write_multibench_prompts(tmp_path / "x.txt", config=BenchmarkConfig(prompts=("1", "5000")))
    with pytest.raises(InvalidSetting, match="Give 2 or 3"):
        studio.evaluations.write_multibench_prompts(tmp_path / "x.txt", together=4)
