"""Subjects that pictures lost are counted from an evaluation's scores."""

import pytest

from lambda_studio.errors import InvalidSetting
from lambda_studio.workflows.benchmarks.collapsing import METRIC, collapse_of
from lambda_studio.workflows.benchmarks.results.results_folder import ResultsFolder, Row


def evaluation(folder, *likenesses: dict[str, float], metric: str = METRIC):
    """Write an evaluation with a picture for each table of similarities."""
    results = ResultsFolder(folder)
    results.begin({"name": "multibench"})
    with results.adding() as writer:
        for number, each in enumerate(likenesses):
            results.picture(f"p/{number}").parent.mkdir(parents=True, exist_ok=True)
            results.picture(f"p/{number}").write_bytes(b"")
            scores = {metric: sum(each.values()) / len(each)}
            by_subject = {name: {metric: value} for name, value in each.items()} if len(each) > 1 else {}
            writer.add(Row(f"p/{number}", tuple(each), "", 0, scores, by_subject))
    return folder


def test_a_subject_below_the_threshold_is_lost(tmp_path) -> None:
    folder = evaluation(tmp_path / "e", {"dog": 0.9, "cat": 0.4}, {"dog": 0.6, "cat": 0.7}, {"cat": 0.69})
    found = collapse_of(folder)
    assert (found.pictures, found.subjects, found.rate) == (3, 5, 3 / 5)
    assert found.by_subject == {"dog": 1 / 2, "cat": 2 / 3}
    assert (found.benchmark, found.metric, found.threshold) == ("multibench", "dinov2-vits14", 0.7)
    assert found.interval.ends is None and "There are 2 subjects, and an interval needs at least 6." in found.notes
    assert collapse_of(folder, 0.5).rate == 1 / 5


def test_scores_of_another_network_are_refused(tmp_path) -> None:
    folder = evaluation(tmp_path / "e", {"dog": 0.9, "cat": 0.4}, metric="dino-vits16")
    with pytest.raises(InvalidSetting, match=r"no similarities by dinov2-vits14.*--score-only .*e/pictures --out NEW"):
        collapse_of(folder)
    with pytest.raises(InvalidSetting, match="has no evaluation"):
        collapse_of(tmp_path / "none")
    with pytest.raises(InvalidSetting, match=r"threshold is 70\.0"):
        collapse_of(folder, 70.0)
