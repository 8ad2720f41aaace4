"""How long work says how far it is, without knowing who listens."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, runtime_checkable


@runtime_checkable
class Advance(Protocol):
    """Says that `steps` more of the work are done; `note` is shown beside the bar (a loss, a file name)."""

    def __call__(self, steps: int = 1, note: str = "") -> None: ...


@runtime_checkable
class Progress(Protocol):
    """Opens one bar: `with progress("Encoding rex", total=5) as advance: advance()`."""

    def __call__(self, label: str, total: int) -> AbstractContextManager[Advance]: ...


@contextmanager
def silent(label: str, total: int) -> Iterator[Advance]:
    """A Progress that nobody sees."""

    def advance(steps: int = 1, note: str = "") -> None:
        return None

    yield advance


def unheard(notice: str) -> None:
    """A place for notices that nobody reads."""
