"""Batches that processes beside the training prepare, so that a GPU does not wait for words."""

import signal
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack
from functools import cached_property
from typing import Any, Generic, TypeVar

import torch

from lambda_studio.processes.isolated import Workers, pool

T = TypeVar("T")
EACH = 4
"""The number of steps that are prepared ahead, for each worker."""


class Ahead(Generic[T]):
    """A function of the step, which worker processes compute for the steps that follow the one asked for.

    Steps are expected in order; any other step starts anew from there. Without workers the function is called when it
    is asked. Workers get a copy of the function, which must not use a GPU. They end with this object.
    """

    def __init__(self, made: Callable[[int], T], workers: int):
        self.made, self.workers = made, workers
        self.coming: deque[Future[T]] = deque()
        self.following = 0
        """The step whose result is the first of those that are coming."""
        self._open = ExitStack()
        weakref.finalize(self, _end, self._open, self.coming)

    def __call__(self, step: int) -> T:
        """Return what the function makes of the step."""
        if self.workers == 0:
            return self.made(step)
        if step != self.following:
            _cancel(self.coming)
            self.following = step
        while len(self.coming) < EACH * self.workers:
            self.coming.append(self._processes.submit(_make, self.following + len(self.coming)))
        self.following += 1
        return self.coming.popleft().result()

    @cached_property
    def _processes(self) -> Workers:
        return self._open.enter_context(pool(self.workers, _begin, (self.made,)))


def _end(opened: ExitStack, coming: deque[Future[Any]]) -> None:
    _cancel(coming)
    opened.close()


def _cancel(coming: deque[Future[Any]]) -> None:
    while coming:
        coming.popleft().cancel()


_made: Callable[[int], Any]
"""The function of this worker process."""


def _begin(made: Callable[[int], Any]) -> None:
    global _made
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    torch.set_num_threads(1)
    _made = made


def _make(step: int) -> Any:
    return _made(step)
