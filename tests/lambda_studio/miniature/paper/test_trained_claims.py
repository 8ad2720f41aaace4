"""Each claim about the prior's training at a hundredth of its size: all ways and columns have finite numbers."""

import pytest

from lambda_studio.miniature.paper import players, priors, trained_claims
from lambda_studio.miniature.paper.trained_claims import SHARES, SIZES, TRAINED, table_12
from lambda_studio.progress import silent
from tests.lambda_studio.miniature.paper.whole import require_whole


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(players, "STEPS", 1)
    monkeypatch.setattr(priors, "STEPS", 1)
    monkeypatch.setattr(priors, "BATCH", 4)
    monkeypatch.setattr(priors, "PICTURES", 40)


@pytest.mark.parametrize("claim", TRAINED, ids=lambda claim: claim.key)
def test_a_claim_is_measured(claim) -> None:
    found = claim.measure(1, 2, silent)
    require_whole(claim, found)


def test_sizes_are_below_and_above_the_miniatures_own_prior() -> None:
    small, own, large = (trained_claims._millions(SIZES[way]) for way in ("small", "own", "large"))
    assert 3 * small < own < large / 2
    assert own == pytest.approx(5.1, abs=0.05), "the model card's parameters"


def test_table_12_trains_on_the_shares_that_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {}

    def measured(trials, seed, pictures, progress):
        asked.update(trials)
        return {}

    monkeypatch.setattr(trained_claims, "_of", measured)
    table_12(1, 2, silent)
    assert {way: 40 // trial.pictures for way, trial in asked.items()} == SHARES
