"""`studio evaluate compare`."""

import json

from PIL import Image

from lambda_studio.workflows.benchmarks.results.results_folder import ResultsFolder, Row


def evaluation(path, value: float) -> None:
    folder = ResultsFolder(path)
    folder.begin({"name": "dreambench"})
    with folder.adding() as writer:
        for subject in ("rex", "max"):
            Image.new("RGB", (2, 2)).save(folder.picture(subject))
            writer.add(Row(subject, (subject,), "a dog", 1, {"DINO": value}))


def test_a_table_and_json(studio, tmp_path) -> None:
    evaluation(tmp_path / "one", 0.25)
    evaluation(tmp_path / "other", 0.5)
    answer = studio("evaluate", "compare", "one", "other")
    assert answer.code == 0
    assert answer.out.splitlines()[1].split() == [
        "DINO",
        "0.2500",
        "0.5000",
        "+0.2500",
        "-",
        "no",
    ]
    assert "2 pictures of 2 subjects are in both." in answer.out
    assert "There are 2 subjects, and an interval needs at least 6. Without one, no difference is clear." in answer.out
    said = json.loads(studio("evaluate", "compare", "one", "other", "--json").out)
    assert said["metrics"][0]["difference"]["mean"] == 0.25


def test_a_folder_without_an_evaluation_is_refused(studio, tmp_path) -> None:
    evaluation(tmp_path / "one", 0.25)
    answer = studio("evaluate", "compare", "one", "nothing")
    assert answer.code == 2 and "nothing has no evaluation" in answer.err
