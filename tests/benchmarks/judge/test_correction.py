"""A share that a judge with known errors counted is corrected back to the share that made it."""

import numpy as np
import pytest

from benchmarks.judge.correction import (
    FEWEST,
    Case,
    bootstrapped,
    difference,
    errors,
    rogan_gladen,
    without_readers_error,
)

YES, NO = Case(True, True), Case(False, False)
FLATTERED, MISSED = Case(True, False), Case(False, True)


@pytest.mark.parametrize("true", [0.0, 0.3, 0.59, 1.0])
def test_rogan_gladen_undoes_a_judges_errors(true: float) -> None:
    counted = true * 0.9 + (1 - true) * (1 - 0.7)
    assert rogan_gladen(counted, 0.9, 0.7) == pytest.approx(true)


def test_a_share_stays_within_zero_and_one() -> None:
    assert rogan_gladen(0.99, 0.9, 0.9) == 1.0
    assert rogan_gladen(0.01, 0.9, 0.9) == 0.0


def test_a_judge_of_chance_corrects_nothing() -> None:
    with pytest.raises(ValueError, match="say nothing"):
        rogan_gladen(0.5, 0.4, 0.6)


def test_a_readers_errors_are_taken_out() -> None:
    generator = np.random.default_rng(0)
    truth = generator.integers(0, 3, 400_000)
    judge = np.where(generator.random(truth.size) < 0.8, truth, (truth + generator.integers(1, 3, truth.size)) % 3)
    reader = np.where(generator.random(truth.size) < 0.7, truth, (truth + generator.integers(1, 3, truth.size)) % 3)
    agreement = float((judge == reader).mean())
    assert agreement == pytest.approx(0.8 * 0.7 + 0.2 * 0.3 / 2, abs=0.004)
    assert without_readers_error(agreement, 0.7, 3) == pytest.approx(0.8, abs=0.01)
    assert without_readers_error(0.72, 1.0, 10) == 0.72, "a perfect reader leaves the share"


def test_errors_need_enough_pictures_of_both_kinds() -> None:
    right, wrong = [YES] * (FEWEST - 1) + [MISSED], [NO] * (FEWEST - 2) + [FLATTERED]
    assert errors([*right, *wrong]) is None
    assert errors([*right, *wrong, NO, Case(True, None)]) == (0.9, 0.9)


def test_a_difference_leaves_unclear_pictures_out_or_counts_them() -> None:
    cases = [YES, YES, NO, FLATTERED]
    assert difference(0.8, cases) == pytest.approx(0.55)
    unclear = [*cases, Case(True, None)]
    assert difference(0.8, unclear) == pytest.approx(0.55)
    assert difference(0.8, unclear, False) == pytest.approx(0.4)
    assert difference(0.8, unclear, True) == pytest.approx(0.6)


def test_an_interval_spans_what_other_draws_would_have_given() -> None:
    found = bootstrapped(lambda drawn: float(np.mean(drawn)), [[0, 1] * 50])
    assert (found.mean, found.count) == (0.5, 100)
    assert found.low == pytest.approx(0.4, abs=0.02) and found.high == pytest.approx(0.6, abs=0.02)


def test_draws_that_say_nothing_are_left_out() -> None:
    def least(drawn: list[float]) -> float:
        if min(drawn) == 1:
            raise ValueError("nothing")
        return float(min(drawn))

    assert bootstrapped(least, [[0, 1]]).high == 0.0
