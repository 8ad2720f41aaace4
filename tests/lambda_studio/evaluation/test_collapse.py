"""A subject is lost when a picture is less like it than halfway to the nearest other subject."""

import pytest
import torch

from lambda_studio.evaluation.collapse import collapse, subject_collapse_rate, thresholds

X, Y = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
BETWEEN = torch.tensor([0.6, 0.8])
REFERENCES = {"rex": torch.stack([X, X]), "hat": torch.stack([Y, Y]), "mug": BETWEEN[None]}


def test_the_threshold_is_halfway_between_a_subject_and_the_nearest_other() -> None:
    assert thresholds(REFERENCES) == {
        "rex": pytest.approx((1 + 0.6) / 2),
        "hat": pytest.approx((1 + 0.8) / 2),
        "mug": pytest.approx((1 + 0.8) / 2),  # it has one reference: the mean of the others' own likeness
    }
    assert thresholds({"mug": BETWEEN[None]}) == {"mug": 0.5}


def test_the_rate_is_over_all_subjects_of_all_pictures() -> None:
    drawn = [{"rex": X, "hat": Y}, {"rex": BETWEEN, "hat": Y}, {"rex": X, "mug": Y}]
    found = collapse(drawn, REFERENCES, thresholds(REFERENCES))
    assert (found.subjects, found.pictures) == (2, 3)
    assert found.by_subject == {"rex": pytest.approx(1 / 3), "hat": 0.0, "mug": 1.0}
    assert found.rate == pytest.approx(2 / 6)


def test_the_references_themselves_are_never_lost() -> None:
    found = collapse([{"rex": X, "hat": Y, "mug": BETWEEN}], REFERENCES, thresholds(REFERENCES))
    assert (found.subjects, found.rate) == (3, 0.0)


def test_the_published_rate_counts_subjects_below_a_fixed_threshold() -> None:
    assert subject_collapse_rate([0.5, 0.71, 0.9, 0.69]) == 0.5
    assert subject_collapse_rate([0.5, 0.71, 0.9, 0.69], threshold=0.6) == 0.25
    assert subject_collapse_rate([0.5], threshold=0.5) == 0, "at the threshold it counts as drawn"
    with pytest.raises(ValueError, match="no subjects"):
        subject_collapse_rate([])
