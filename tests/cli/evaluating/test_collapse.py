"""`studio evaluate collapse`."""

import json

from tests.lambda_studio.workflows.benchmarks.test_collapsing import evaluation


def test_lost_subjects_are_counted_for_each_and_for_all(studio, tmp_path) -> None:
    evaluation(tmp_path / "kept", {"dog": 0.9, "cat": 0.4}, {"dog": 0.8, "cat": 0.7})
    answer = studio("evaluate", "collapse", "kept")
    assert answer.code == 0, answer.err
    lines = [line.split() for line in answer.out.splitlines()]
    assert lines[1:4] == [["dog", "0.000"], ["cat", "0.500"], ["all", "0.250"]]
    assert "Subject collapse rate of multibench: 0.250." in answer.out
    assert "4 subjects in 2 pictures. A subject is lost if its similarity by dinov2-vits14 is below 0.7." in answer.out
    said = json.loads(studio("evaluate", "collapse", "kept", "--threshold", 0.3, "--json").out)
    assert (said["rate"], said["threshold"]) == (0, 0.3)


def test_a_folder_without_an_evaluation_is_refused(studio) -> None:
    answer = studio("evaluate", "collapse", "nothing")
    assert answer.code == 2 and "nothing has no evaluation" in answer.err
