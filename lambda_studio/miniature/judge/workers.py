"""Distribute measurements among processes. Each is for one seed, independent, and takes minutes of one core."""

import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from lambda_studio.miniature.judge.measurements import MEASUREMENTS, Evaluation
from lambda_studio.miniature.judge.reader import Reader, load_reader
from lambda_studio.models.stacks.stack import Stack, StackSpec
from lambda_studio.processes.isolated import pool

Task = tuple[str, int]
"""A measurement's name and the seed of its pictures."""
MOST_WORKERS = 8
"""The maximum number of workers. Each takes about 1 GB."""
KEPT = {"MALLOC_MMAP_THRESHOLD_": str(2**30), "MALLOC_TRIM_THRESHOLD_": str(2**31)}
"""Settings that make glibc reuse memory for large tensors, which saves a twelfth of the time."""


@dataclass(frozen=True)
class Measuring:
    """A callable that measures one stack, which is loaded at the first measurement."""

    spec: StackSpec
    oracle: Path
    count: int
    num_inference_steps: int

    @cached_property
    def stack(self) -> Stack:
        return Stack(self.spec)

    @cached_property
    def reader(self) -> Reader:
        return load_reader(self.oracle)

    def __call__(self, task: Task) -> dict[str, float]:
        name, seed = task
        return MEASUREMENTS[name](Evaluation(self.stack, self.reader, self.count, seed, self.num_inference_steps))


def default_workers(tasks: int) -> int:
    """Return one worker per usable core, at most one per task, or one if there is a GPU to share."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return 1 if torch.cuda.is_available() else min(cores, tasks, MOST_WORKERS)


def measured(measuring: Measuring, tasks: Sequence[Task], workers: int) -> Iterator[tuple[Task, dict[str, float]]]:
    """Yield each task with its result, in the order of completion. One worker means this process."""
    if workers == 1:
        yield from ((task, measuring(task)) for task in tasks)
        return
    for name, bytes_ in KEPT.items():
        os.environ.setdefault(name, bytes_)  # glibc reads these at the start of a process
    with pool(workers, _begin, (measuring, workers)) as processes:
        futures = {processes.submit(_measure, task): task for task in tasks}
        for future in as_completed(futures):
            yield futures[future], future.result()


_measuring: Measuring
"""The `Measuring` of this worker process."""


def _begin(measuring: Measuring, workers: int) -> None:
    global _measuring
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    torch.set_num_threads(max(1, torch.get_num_threads() // workers))
    _measuring = measuring


def _measure(task: Task) -> dict[str, float]:
    return _measuring(task)
