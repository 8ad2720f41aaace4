"""The first Ctrl-C (or SIGTERM) asks for an orderly end, the second ends at once."""

import signal
from types import FrameType, TracebackType

import click


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
        if kind is KeyboardInterrupt and self.received == signal.SIGTERM:
            raise SystemExit(self.exit_code)

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
