"""The speed of a training is that of its usual steps."""

import pytest

from lambda_studio.workflows.tuning.watching import pace
from lambda_studio.workflows.tuning.watching.pace import STEPS, Pace


@pytest.mark.parametrize(("seconds", "said"), [(0.25, ", 4.0 steps/s"), (2.5, ", 2.5 s/step")])
def test_the_speed_is_told_from_the_second_step_on_and_a_preview_does_not_count(monkeypatch, seconds, said) -> None:
    now = [100.0]
    monkeypatch.setattr(pace.time, "monotonic", lambda: now[0])
    speed = Pace()
    assert speed.said() == ""
    for took in (seconds, seconds, 60.0, seconds):
        now[0] += took
        told = speed.said()
    assert told == said
    for _ in range(STEPS):
        now[0] += 10 * seconds
        told = speed.said()
    assert told == {", 4.0 steps/s": ", 2.5 s/step", ", 2.5 s/step": ", 25.0 s/step"}[said]
