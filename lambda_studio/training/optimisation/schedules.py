"""Learning-rate schedules: a factor of the learning rate, as a function of the step."""

import math
from collections.abc import Callable
from typing import Literal

Schedule = Callable[[int], float]
"""A function from a step's number (from 1) to a factor of the learning rate."""

SchedulerName = Literal["constant", "cosine"]


def constant(step: int) -> float:
    """Return 1 for every step."""
    return 1.0


def cosine(steps: int, floor: float = 0.01) -> Schedule:
    """Return the schedule that falls from 1 to `floor` along half a cosine, over `steps` steps."""

    def factor(step: int) -> float:
        done = min(1.0, (step - 1) / steps)
        return (1 + floor) / 2 + (1 - floor) / 2 * math.cos(math.pi * done)

    return factor


def warmed_up(schedule: Schedule, warmup_steps: int) -> Schedule:
    """Return `schedule` with its first `warmup_steps` steps scaled from 1/`warmup_steps` to 1. 0 changes nothing."""
    if warmup_steps == 0:
        return schedule
    return lambda step: min(1.0, step / warmup_steps) * schedule(step)


def schedule_named(name: SchedulerName, steps: int, warmup_steps: int = 0) -> Schedule:
    """Return the schedule of this name for a run of `steps` steps, after a warm-up."""
    return warmed_up(cosine(steps) if name == "cosine" else constant, warmup_steps)
