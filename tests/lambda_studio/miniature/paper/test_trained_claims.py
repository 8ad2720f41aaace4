"""Each claim about training from nothing at a hundredth of its size: all ways and columns have finite numbers."""

from pathlib import Path

import pytest

from lambda_studio.miniature.paper import decoders, players, priors, trained_claims
from lambda_studio.miniature.paper.claim import Job
from lambda_studio.miniature.paper.trained_claims import JOINED, SHARES, SIZES, TRAINED, WEIGHTS_OF_EQ_1, table_12
from tests.lambda_studio.miniature.paper.whole import require_whole


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(players, "STEPS", 1)
    monkeypatch.setattr(priors, "STEPS", 1)
    monkeypatch.setattr(priors, "BATCH", 4)
    monkeypatch.setattr(priors, "PICTURES", 40)
    monkeypatch.setattr(decoders, "STEPS", 1)
    monkeypatch.setattr(decoders, "BATCH", 4)
    monkeypatch.setattr(decoders, "PICTURES", 24)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all claims, which share what they train."""
    return tmp_path_factory.mktemp("trained")


@pytest.mark.parametrize("claim", TRAINED, ids=lambda claim: claim.key)
def test_a_claim_is_measured(claim, kept: Path) -> None:
    found = claim.measure(Job(1, 2, kept))
    require_whole(claim, found)


def test_sizes_are_below_and_above_the_miniatures_own_prior() -> None:
    small, own, large = (trained_claims._millions(SIZES[way]) for way in ("small", "own", "large"))
    assert 3 * small < own < large / 2
    assert own == pytest.approx(5.1, abs=0.05), "the model card's parameters"


def test_table_12_trains_on_the_shares_that_it_names(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    asked = {}

    def measured(trials, job):
        asked.update(trials)
        return {}

    monkeypatch.setattr(trained_claims, "_of", measured)
    table_12(Job(1, 2, tmp_path))
    assert {way: 40 // (trial.pictures or 40) for way, trial in asked.items()} == SHARES


def test_the_recipes_prior_is_trained_once_for_all_tables() -> None:
    trials = [*WEIGHTS_OF_EQ_1.values(), *SIZES.values(), *JOINED.values()]
    assert sum(trial.name == "prior" for trial in trials) == 3
    assert len({trial.name for trial in trials}) == len({*trials}) == len(trials) - 2
