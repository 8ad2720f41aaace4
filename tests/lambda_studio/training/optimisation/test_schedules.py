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
    assert schedule_named("linear", 10)(6) == schedule_named("polynomial", 10)(6) == pytest.approx(0.5)
    assert schedule_named("polynomial", 10, power=2.0)(6) == pytest.approx(0.25)
    assert schedule_named("cosine_with_restarts", 10)(7) == cosine(10)(7)
    assert schedule_named("constant", 10, warmup_steps=5)(1) == pytest.approx(0.2)


def test_a_cosine_with_restarts_falls_as_often_as_it_is_said() -> None:
    factor = schedule_named("cosine_with_restarts", 12, cycles=3)
    rates = [factor(step) for step in range(1, 13)]
    assert rates[:4] == rates[4:8] == rates[8:] == pytest.approx([cosine(4)(step) for step in range(1, 5)])
    assert rates[0] == 1 and rates[4] > rates[3]


def test_linear_falls_evenly_to_nearly_nothing_and_is_never_negative() -> None:
    factor = schedule_named("linear", 10)
    assert [factor(step) for step in (1, 2, 10, 11, 99)] == pytest.approx([1, 0.9, 0.1, 0, 0])
