"""The first Ctrl-C (or SIGTERM) asks for an orderly end, the second ends at once."""

import signal
from types import FrameType, TracebackType

import click

STOPPED = 130
"""The exit code of what stopped because it was asked to."""


class Interrupt:
    """`with Interrupt() as interrupted:` and pass `interrupted` as `should_stop`; it answers True after a signal."""

    def __init__(self) -> None:
        self.received: int | None = None
        self._before: dict[int, object] = {}

    def __enter__(self) -> "Interrupt":
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal.signal itself gave
        if self.received != signal.SIGTERM:
            return
        if kind is KeyboardInterrupt:
            raise SystemExit(self.exit_code)
        if getattr(error, "exit_code", None) == STOPPED:
            error.exit_code = self.exit_code  # type: ignore[union-attr]  # it has one, as was just asked

    def __call__(self) -> bool:
        return self.received is not None

    @property
    def exit_code(self) -> int:
        """130 after Ctrl-C, 143 after SIGTERM, 0 where nothing was received."""
        return 128 + self.received if self.received else 0

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.received is not None:
            raise KeyboardInterrupt
        self.received = number
        click.echo("Stopping after this step. Press Ctrl-C again to stop at once.", err=True)
