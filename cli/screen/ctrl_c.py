"""What Ctrl-C does before, in and after a command.

It imports nothing that takes time, so that there is hardly a moment before `cli.start` can use it.
"""

import os
import signal
from collections.abc import Callable
from types import FrameType

STOPPED = 130
received: list[int] = []
"""The signals of Ctrl-C so far. An import that Ctrl-C breaks off may raise any error."""


def stop_at_once(number: int, frame: FrameType | None) -> None:
    """Say so and end, while nothing needs an orderly end: before the command."""
    os.write(2, b"Stopped.\n")
    os._exit(STOPPED)


def stop_in_order(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt in the command, which closes what it has opened."""
    received.append(number)
    raise KeyboardInterrupt


def handle(handler: Callable[[int, FrameType | None], None]) -> None:
    """Handle Ctrl-C so, unless this process ignores it, as a background job of a shell does."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, handler)


def ignore() -> None:
    """Ignore Ctrl-C: the command has ended, and its exit code stands. The interpreter's own end keeps this."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
