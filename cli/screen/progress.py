"""Progress on stderr: bars on a terminal, elsewhere a line now and then."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from cli.screen.terminal import notice, printable
from cli.texts.tables import spoken
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
        first: tuple[float, int] | None = None

        def advance(steps: int = 1, note: str = "") -> None:
            nonlocal done, first
            done, now = done + steps, time.monotonic()
            first = first or (now, done)  # a resumed training begins with all steps before it
            if now - self._printed >= LINE_SECONDS:
                self._printed = now
                left = time_left(now - first[0], done - first[1], total - done)
                notice(", ".join(filter(None, (f"{label}: {done:,} of {total:,}", note, left))))

        yield advance


def time_left(seconds: float, steps: int, rest: int) -> str:
    """Return in words how long the rest takes, if so many steps took these seconds; empty if that is not known."""
    return f"about {spoken(seconds / steps * rest)} left" if steps > 0 and rest > 0 else ""


@contextmanager
def rich_bar(label: str, total: int) -> Iterator[Advance]:
    """Show one bar: label, progress, remaining time and a note."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress
    from rich.table import Column

    def whole(width: int) -> Column:  # in a narrow terminal the texts and the bar are cut, not the numbers
        return Column(no_wrap=True, min_width=width)

    columns = (
        TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis")),
        BarColumn(),
        MofNCompleteColumn(table_column=whole(len(f"{total}/{total}"))),
        TimeRemainingColumn(table_column=whole(len("0:00:00"))),
        TextColumn("{task.fields[note]}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis")),
    )
    with RichProgress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(printable(label), total=total, note="")

        def advance(steps: int = 1, note: str = "") -> None:
            progress.update(task, advance=steps, note=printable(note))

        yield advance
