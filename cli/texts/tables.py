"""Text tables and plurals."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lambda_studio.studio import ConceptRecord


def table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    """Yield lines of left-aligned columns under their headers; without rows, no lines."""
    if not rows:
        return
    cells = [list(headers), *[[str(cell) for cell in row] for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(headers))]
    for row in cells:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def counted(number: int, noun: str, several: str | None = None) -> str:
    """Return `1 image` or `2 images`. `several` is the plural if it needs more than an s."""
    return f"{number} {noun}" if number == 1 else f"{number} {several or f'{noun}s'}"


def counted_pictures(concept: "ConceptRecord") -> str:
    """Return `2 images`, or `no images` for a blend and for a concept that was imported without them."""
    return counted(concept.picture_count, "image") if concept.picture_count else "no images"


def span(ends: tuple[float, float] | None, digits: str) -> str:
    """Return an interval as `0.1 to 0.2`, with its ends formatted as `digits`; a dash for none."""
    return "-" if ends is None else " to ".join(format(end, digits) for end in ends)


def settings_lines(settings: Mapping[str, Any], but: Collection[str] = ()) -> list[str]:
    """Return a line for each setting that has a value, except those in `but`."""
    from lambda_studio.settings.written import written

    return [f"  {name}: {written(value)}" for name, value in settings.items() if name not in but and value is not None]


def spoken(seconds: float) -> str:
    """Return a duration in words."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
