"""Stop work in order at the first Ctrl-C or SIGTERM, and at once at the second."""

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

import click

from cli.screen.terminal import notice

STOPPED = 130
"""The exit code of a command that was stopped by Ctrl-C."""


class Interrupt:
    """A `should_stop` for use in a `with`: `with Interrupt() as interrupted:`. It returns True after a signal."""

    def __init__(self) -> None:
        self.received: int | None = None
        self._before: dict[int, object] = {}

    def __enter__(self) -> "Interrupt":
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # a value that signal.signal returned
        if self.received != signal.SIGTERM:
            return
        if kind is KeyboardInterrupt:
            raise SystemExit(self.exit_code)
        if getattr(error, "exit_code", None) == STOPPED:
            error.exit_code = self.exit_code  # type: ignore[union-attr]  # the condition above checked that it has one

    def __call__(self) -> bool:
        return self.received is not None

    @property
    def exit_code(self) -> int:
        """130 after Ctrl-C, 143 after SIGTERM, 0 without a signal."""
        return 128 + self.received if self.received else 0

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.received is not None:
            raise KeyboardInterrupt
        self.received = number
        notice("Stopping after this step. Press Ctrl-C again to stop at once.")


@contextmanager
def stopped_with(said: Callable[[], Iterable[str]]) -> Iterator[None]:
    """Print what `said` returns if Ctrl-C stops the work inside, and end the command with the exit code of that."""
    try:
        yield
    except KeyboardInterrupt:
        for line in said():
            notice(line)
        raise click.exceptions.Exit(STOPPED) from None
