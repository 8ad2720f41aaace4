"""Similarities on vectors whose answers are known by hand."""

import pytest
import torch

from lambda_studio.evaluation.results import Matrix
from lambda_studio.evaluation.similarity import (
    bleeding,
    likeness,
    likeness_within,
    matrix_of_drawn,
    matrix_of_references,
    similarities,
)

X, Y = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
BETWEEN = torch.tensor([0.6, 0.8])


def test_likeness_is_the_mean_of_all_pairs() -> None:
    drawn, references = torch.stack([X, BETWEEN]), torch.stack([X, Y, BETWEEN])
    assert similarities(drawn, references).flatten().tolist() == pytest.approx([1, 0, 0.6, 0.6, 0.8, 1])
    assert likeness(drawn, references) == pytest.approx(4.0 / 6)
    assert likeness(X[None], X[None]) == 1


def test_a_picture_is_not_compared_with_itself_among_references() -> None:
    assert likeness_within(torch.stack([X, Y, BETWEEN])) == pytest.approx((0 + 0.6 + 0.8) / 3)
    assert likeness_within(X[None]) is None


def test_the_matrix_of_references_lies_beside_the_matrix_of_drawn_pictures() -> None:
    references = {"rex": torch.stack([X, BETWEEN]), "hat": Y[None]}
    real = matrix_of_references(references)
    assert real.names == ("rex", "hat")
    assert real.rows[0] == pytest.approx((0.6, 0.4))
    assert real.rows[1] == (pytest.approx(0.4), None)
    drawn = matrix_of_drawn({"rex": Y[None], "hat": Y[None]}, references)
    assert drawn.rows == (pytest.approx((0.4, 1.0)), pytest.approx((0.4, 1.0)))
    over = bleeding(drawn, real)
    assert over.rows[0] == pytest.approx((-0.2, 0.6))
    assert over.value("rex", "hat") == pytest.approx(0.6), "rex is drawn as the hat"
    assert over.value("hat", "hat") is None


def test_what_is_drawn_as_the_photographs_are_bleeds_nowhere() -> None:
    references = {"rex": torch.stack([X, BETWEEN]), "hat": torch.stack([Y, BETWEEN])}
    real = matrix_of_references(references)
    assert bleeding(real, real) == Matrix(("rex", "hat"), ((0.0, 0.0), (0.0, 0.0)))
