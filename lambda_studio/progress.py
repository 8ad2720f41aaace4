"""Define the callbacks through which long work reports progress and notices."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, runtime_checkable


@runtime_checkable
class Advance(Protocol):
    """A callback that reports `steps` more as done, with a `note` beside the bar (a loss, a file name)."""

    def __call__(self, steps: int = 1, note: str = "") -> None: ...


@runtime_checkable
class Progress(Protocol):
    """A callback that opens one bar: `with progress("Encoding rex", total=5) as advance: advance()`."""

    def __call__(self, label: str, total: int) -> AbstractContextManager[Advance]: ...


@contextmanager
def silent(label: str, total: int) -> Iterator[Advance]:
    """Discard the progress."""

    def advance(steps: int = 1, note: str = "") -> None:
        return None

    yield advance


def unheard(notice: str) -> None:
    """Discard a notice."""
