"""Learning-rate schedules, step by step."""

import pytest

from lambda_studio.training.optimisation.schedules import constant, cosine, schedule_named, warmed_up


def test_constant_is_one() -> None:
    assert {constant(step) for step in (1, 2, 400)} == {1.0}


def test_cosine_starts_at_one_is_half_way_in_the_middle_and_falls_to_its_floor() -> None:
    factor = cosine(100, floor=0.2)
    assert factor(1) == pytest.approx(1)
    assert factor(51) == pytest.approx(0.6)
    assert factor(101) == factor(500) == pytest.approx(0.2)
    assert [factor(step) for step in range(1, 102)] == sorted((factor(step) for step in range(1, 102)), reverse=True)


def test_a_warm_up_rises_evenly_and_then_leaves_the_schedule_alone() -> None:
    factor = warmed_up(cosine(10), 4)
    assert [factor(step) / cosine(10)(step) for step in (1, 2, 3, 4, 5, 10)] == pytest.approx(
        [0.25, 0.5, 0.75, 1, 1, 1]
    )
    assert warmed_up(constant, 0) is constant


def test_schedules_have_names() -> None:
    assert schedule_named("constant", 10)(7) == 1.0
    assert schedule_named("cosine", 10)(7) == cosine(10)(7)
    assert schedule_named("constant", 10, warmup_steps=5)(1) == pytest.approx(0.2)
