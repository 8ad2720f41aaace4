"""Batches that processes beside the training prepare, so that a GPU does not wait for words."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from torch.utils.data import DataLoader, Dataset

T = TypeVar("T")


class Ahead(Generic[T]):
    """A function of the step, which worker processes compute for the steps that follow the one asked for.

    Steps are expected in order; any other step starts anew from there. Without workers the function is called when it
    is asked. The function must not use a GPU: a forked process cannot.
    """

    def __init__(self, made: Callable[[int], T], workers: int):
        self.made, self.workers = made, workers
        self.following: int | None = None
        self.coming: Iterator[T] = iter(())

    def __call__(self, step: int) -> T:
        """Return what the function makes of the step."""
        if self.workers == 0:
            return self.made(step)
        if step != self.following:
            self.coming = iter(self._from(step))
        self.following = step + 1
        return next(self.coming)

    def _from(self, step: int) -> DataLoader[T]:
        return DataLoader(
            _From(self.made, step), batch_size=None, num_workers=self.workers, prefetch_factor=4,
            collate_fn=_as_it_is, multiprocessing_context="fork",
        )  # fmt: skip


class _From(Dataset[T]):
    """The steps from one on, without an end."""

    def __init__(self, made: Callable[[int], T], first: int):
        self.made, self.first = made, first

    def __len__(self) -> int:
        return 2**31

    def __getitem__(self, at: int) -> T:
        return self.made(self.first + at)


def _as_it_is(value: T) -> T:
    return value
