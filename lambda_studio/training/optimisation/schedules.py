"""Learning-rate schedules: a factor of the learning rate, as a function of the step."""

import math
from collections.abc import Callable
from typing import Literal

Schedule = Callable[[int], float]
"""A function from a step's number (from 1) to a factor of the learning rate."""

SchedulerName = Literal["constant", "linear", "polynomial", "cosine", "cosine_with_restarts"]


def constant(step: int) -> float:
    """Return 1 for every step."""
    return 1.0


def cosine(steps: int, floor: float = 0.01) -> Schedule:
    """Return the schedule that falls from 1 to `floor` along half a cosine, over `steps` steps."""

    def factor(step: int) -> float:
        done = min(1.0, (step - 1) / steps)
        return (1 + floor) / 2 + (1 - floor) / 2 * math.cos(math.pi * done)

    return factor


def polynomial(steps: int, power: float) -> Schedule:
    """Return the schedule that falls from 1 towards 0 as the `power` of the share of steps that is left."""
    return lambda step: max(0.0, 1 - (step - 1) / steps) ** power


def cosine_with_restarts(steps: int, cycles: int, floor: float = 0.01) -> Schedule:
    """Return the schedule that falls from 1 to `floor` along half a cosine, `cycles` times over `steps` steps."""
    once = cosine(steps, floor)
    return lambda step: once(1 + (step - 1) * cycles % steps)


def warmed_up(schedule: Schedule, warmup_steps: int) -> Schedule:
    """Return `schedule` with its first `warmup_steps` steps scaled from 1/`warmup_steps` to 1. 0 changes nothing."""
    if warmup_steps == 0:
        return schedule
    return lambda step: min(1.0, step / warmup_steps) * schedule(step)


def schedule_named(
    name: SchedulerName, steps: int, warmup_steps: int = 0, cycles: int = 1, power: float = 1.0
) -> Schedule:
    """Return the schedule of diffusers' name for a run of `steps` steps, with a warm-up.

    `cycles` is for cosine_with_restarts, `power` for polynomial.
    """
    schedules = {
        "constant": constant,
        "linear": polynomial(steps, 1.0),
        "polynomial": polynomial(steps, power),
        "cosine": cosine(steps),
        "cosine_with_restarts": cosine_with_restarts(steps, cycles),
    }
    return warmed_up(schedules[name], warmup_steps)
