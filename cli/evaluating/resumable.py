"""What is said when an evaluation is stopped."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.screen.terminal import notice


@contextmanager
def resumable(out: Path) -> Iterator[None]:
    """Say how to go on after Ctrl-C, if the evaluation's folder is there."""
    try:
        yield
    except KeyboardInterrupt:
        if out.exists():
            notice(f"{out} keeps the pictures and scores that were made. Give the same command again to go on.")
        raise
