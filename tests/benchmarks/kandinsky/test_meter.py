"""Operations and phases are those of one step."""

import time

import torch

from benchmarks.kandinsky.meter import Bench, Phases, measure
from benchmarks.kandinsky.shapes import TINY
from benchmarks.kandinsky.weights import Models

CPU = torch.device("cpu")
BENCH = Bench(models=Models(TINY, CPU), tiny=True, seconds=10.0)


def test_a_steps_operations_and_phases_are_measured() -> None:
    left, right, phases = torch.randn(8, 16), torch.randn(16, 4), Phases(CPU)

    def step() -> None:
        with phases("wait"):
            time.sleep(0.01)
        phases.around("multiply", torch.mm)(left, right)

    measured = measure(BENCH, step, 3, each=2, phases=phases)
    assert measured.operations == 2 * 8 * 16 * 4
    assert len(measured.seconds) == 20 and min(measured.seconds) >= 0.01
    assert 10 <= measured.phases["wait"] < 100 and 0 < measured.phases["multiply"] < measured.phases["wait"]


def test_a_slow_step_is_repeated_once_when_the_time_is_over() -> None:
    bench = Bench(models=Models(TINY, CPU), tiny=True, seconds=0.001)
    assert len(measure(bench, lambda: time.sleep(0.02), 1).seconds) == 1
