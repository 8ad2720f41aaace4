"""Distances of sets, and lost subjects, in words."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cli.texts.tables import counted, span, table

if TYPE_CHECKING:
    from lambda_studio.studio import SetDistances, SubjectCollapse


def sets_lines(found: "SetDistances") -> Iterator[str]:
    """Yield a row for each metric, and what was compared."""
    rows = [(name, f"{each.value:.4f}", each.network, each.note) for name, each in found.metrics.items()]
    yield from table(("METRIC", "DISTANCE", "NETWORK", ""), rows)
    pictures = f"{found.drawn_pictures:,} drawn pictures in {found.drawn}"
    yield f"{pictures}, {found.real_pictures:,} real ones in {found.real}."


def collapse_lines(found: "SubjectCollapse") -> Iterator[str]:
    """Yield a row for each subject and for all, and what was counted."""
    rows = [(name, f"{rate:.3f}") for name, rate in found.by_subject.items()]
    yield from table(("SUBJECT", "LOST"), [*rows, ("all", f"{found.rate:.3f}")])
    ends = span(found.interval.ends, ".3f")
    interval = f", 95 % interval over subjects {ends}" if found.interval.ends else ""
    yield f"Subject collapse rate of {found.benchmark}: {found.rate:.3f}{interval}."
    of = f"{counted(found.subjects, 'subject')} in {counted(found.pictures, 'picture')}"
    yield f"{of}. A subject is lost if its similarity by {found.metric} is below {found.threshold:g}."
    yield from found.notes
