"""Each claim about fine-tuning at a hundredth of its size: all ways and columns have finite numbers."""

from pathlib import Path

import pytest

from lambda_studio.miniature.paper import players, tuned_claims
from lambda_studio.miniature.paper.claim import Job
from lambda_studio.miniature.paper.tuned_claims import TABLE_2, TUNED, way_of
from lambda_studio.progress import Progress, silent
from tests.lambda_studio.miniature.paper.whole import require_whole


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(players, "STEPS", 1)
    monkeypatch.setattr(tuned_claims, "STEPS_EACH", 1)
    monkeypatch.setattr(tuned_claims, "PLACES", ("in the snow", "on the beach"))


CLAIMS = {claim.key: claim for claim in TUNED}


def test_table_2_tunes_one_model_on_all_subjects(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    reached = []

    class Counted(tuned_claims.Tuning):
        def to(self, steps: int, progress: Progress = silent) -> None:
            reached.append((len(self.subjects), steps))
            assert self.folder.parent == tmp_path / "trained", "a stopped training goes on"
            super().to(steps, progress)

    monkeypatch.setattr(tuned_claims, "Tuning", Counted)
    found = CLAIMS["table-2"].measure(Job(1, 5, tmp_path / "trained"))
    require_whole(CLAIMS["table-2"], found)
    assert reached == [(3, 3)], "one subject of each group of nouns"
    assert len({tuple(row.values()) for row in found.values()}) == len(TABLE_2)
    assert not any((tmp_path / "trained").iterdir()), "what is measured is not kept"


def test_figure_5_is_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    reached = []

    class Counted(tuned_claims.Tuning):
        def to(self, steps: int) -> None:
            reached.append((self.conditions, steps))
            super().to(steps // 100)

    monkeypatch.setattr(tuned_claims, "Tuning", Counted)
    claim = CLAIMS["figure-5"]
    found = claim.measure(Job(1, 2, tmp_path))
    require_whole(claim, found)
    assert reached == [(way, steps) for way in ("paper", "words", "scenes") for steps in tuned_claims.STEPS]
    drawn = [tuple(found[way_of(way, 400)].values()) for way in ("embeddings", "words", "scenes")]
    assert len(set(drawn)) == 3, "each way has a LoRA of its own"


def test_thirty_subjects_have_as_many_steps_each_in_one_model_as_in_their_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    reached = []

    class Counted(tuned_claims.Tuning):
        def to(self, steps: int, progress: Progress = silent) -> None:
            reached.append((list(self.subjects), steps))
            super().to(steps, progress)

    monkeypatch.setattr(tuned_claims, "Tuning", Counted)
    found = CLAIMS["thirty-subjects"].measure(Job(1, 2, tmp_path))
    require_whole(CLAIMS["thirty-subjects"], found)
    assert reached == [([0, 1], 2), ([0], 1), ([1], 1)]
    assert len({tuple(row.values()) for row in found.values()}) == 3, "a LoRA was not drawn with"
