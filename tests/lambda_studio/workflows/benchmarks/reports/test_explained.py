"""What metrics measure."""

from lambda_studio.evaluation.metrics import COMPOSITIONS, LIKENESSES
from lambda_studio.workflows.benchmarks.reports.explained import explained


def test_every_likeness_and_composition_is_explained_and_others_are_left_out() -> None:
    said = dict(explained([*LIKENESSES, *COMPOSITIONS, "own"]))
    assert [name for name, each in said.items() if each.startswith("likeness: ")] == list(LIKENESSES)
    assert [name for name, each in said.items() if each.startswith("composition: ")] == list(COMPOSITIONS)
    assert "by CLIP" in dict(explained(["CLIP-T"]))["CLIP-T"]
