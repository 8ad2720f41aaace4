"""Measurements shared out among processes."""

import pytest
import torch

from lambda_studio.errors import ModelFilesInvalid
from lambda_studio.miniature.judge.report import (
    measure,
)
from lambda_studio.miniature.judge.workers import MOST_WORKERS, default_workers
from lambda_studio.models.stacks.stack import resolve_stack

MINIATURE = resolve_stack("miniature")


@pytest.mark.slow  # two processes load everything
def test_processes_that_share_the_work_give_what_one_gives():
    asked = {"count": 8, "seeds": (1000, 1001), "only": ("movq",)}
    shared, alone = (measure(MINIATURE, workers=workers, **asked) for workers in (2, 1))
    assert shared.seeds == alone.seeds and shared.figures.keys() == alone.figures.keys()
    for question, figure in alone.figures["movq"].items():
        assert shared.figures["movq"][question].values == pytest.approx(figure.values, abs=1e-3), question


def test_what_a_process_refuses_is_said_as_if_there_were_one(tmp_path):
    with pytest.raises(ModelFilesInvalid, match=r"oracle") as refusal:
        measure(MINIATURE, tmp_path / "oracle", count=8, only=("oracle",), workers=2)
    assert refusal.value.remedy


def test_a_task_has_a_core_of_its_own_and_a_gpu_is_not_shared(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(64)), raising=False)
    assert [default_workers(tasks) for tasks in (1, 3, 100)] == [1, 3, MOST_WORKERS]
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 5}, raising=False)
    assert default_workers(100) == 2
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert default_workers(100) == 1
