"""Progress bars on stderr, if it is a terminal."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from cli.terminal import printable
from lambda_studio.progress import Advance, Progress, silent


def bars() -> Progress:
    """Return rich's progress bars if stderr is a terminal, otherwise no progress."""
    return rich_bar if sys.stderr.isatty() else silent


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
