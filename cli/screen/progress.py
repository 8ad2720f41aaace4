"""Progress on stderr: bars on a terminal, elsewhere a line now and then."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from cli.screen.terminal import notice, printable
from lambda_studio.progress import Advance, Progress

LINE_SECONDS = 30
"""Without a terminal, at most one line is printed in this time."""


def bars() -> Progress:
    """Return rich's progress bars if stderr is a terminal, otherwise lines."""
    return rich_bar if sys.stderr.isatty() else Lines()


class Lines:
    """Progress as lines: how far the work is, at most every LINE_SECONDS over all of its parts."""

    def __init__(self) -> None:
        self._printed = time.monotonic()

    @contextmanager
    def __call__(self, label: str, total: int) -> Iterator[Advance]:
        """Count one part of the work, and print a line when it is due."""
        done = 0

        def advance(steps: int = 1, note: str = "") -> None:
            nonlocal done
            done += steps
            if time.monotonic() - self._printed >= LINE_SECONDS:
                self._printed = time.monotonic()
                notice(f"{label}: {done:,} of {total:,}" + (f", {note}" if note else ""))

        yield advance


@contextmanager
def rich_bar(label: str, total: int) -> Iterator[Advance]:
    """Show one bar: label, progress, remaining time and a note."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    note_column = TextColumn("{task.fields[note]}", markup=False)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        note_column,
    )
    with RichProgress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(printable(label), total=total, note="")

        def advance(steps: int = 1, note: str = "") -> None:
            progress.update(task, advance=steps, note=printable(note))

        yield advance
