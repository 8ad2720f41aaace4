"""Progress bars on stderr; none where nobody watches."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from lambda_studio.progress import Advance, Progress, silent


def bars() -> Progress:
    """Bars drawn by rich where stderr is a terminal, and silence elsewhere."""
    return rich_bar if sys.stderr.isatty() else silent


@contextmanager
def rich_bar(label: str, total: int) -> Iterator[Advance]:
    """One bar: what, how far, how much longer, and a note."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    note_column = TextColumn("{task.fields[note]}")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), note_column)
    with RichProgress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(label, total=total, note="")

        def advance(steps: int = 1, note: str = "") -> None:
            progress.update(task, advance=steps, note=note)

        yield advance
