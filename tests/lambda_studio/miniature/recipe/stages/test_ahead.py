"""Batches prepared ahead: the same as those that are not, in any order of steps."""

import gc
import os
from pathlib import Path

import pytest

from lambda_studio.miniature.recipe.stages.ahead import Ahead


def made(step: int) -> tuple[int, int]:
    return step * step, os.getpid()


def test_without_workers_a_step_is_made_where_it_is_asked() -> None:
    assert Ahead(made, 0)(3) == (9, os.getpid())


def test_workers_make_the_steps_in_order_and_from_any_step() -> None:
    ahead = Ahead(made, 1)
    found = [ahead(step) for step in (5, 6, 7, 8, 2, 3, 5)]
    assert [square for square, _ in found] == [25, 36, 49, 64, 4, 9, 25]
    makers = {process for _, process in found[:4]}
    assert len(makers) == 1 and os.getpid() not in makers


def fails(step: int) -> int:
    raise ValueError(f"step {step}")


def test_what_goes_wrong_in_a_worker_is_raised() -> None:
    with pytest.raises(ValueError, match="step 4"):
        Ahead(fails, 1)(4)


def test_the_workers_end_with_what_they_work_for() -> None:
    ahead = Ahead(made, 1)
    _, worker = ahead(0)
    assert Path(f"/proc/{worker}").exists()
    del ahead
    gc.collect()
    assert not Path(f"/proc/{worker}").exists()
