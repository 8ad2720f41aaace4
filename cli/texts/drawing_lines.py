"""Drawn pictures, in words."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lambda_studio.studio import Drawn


def picture_lines(drawn: "Sequence[Drawn]") -> Iterable[str]:
    """Yield the path of each picture."""
    for each in drawn:
        yield from (str(picture.path) for picture in each.pictures)


def notices(answer: Any, drawn: "Sequence[Drawn]", sheet: Path | None, by_itself: bool) -> Iterator[str]:
    """Yield what is said of pictures beside their paths.

    Args:
        answer: of a picture that was drawn again, it says whether it is the same.
        by_itself: the adapter was chosen by the studio.
    """
    if hasattr(answer, "difference"):
        yield from sameness(answer.difference)
        by_itself = False
    yield from (f"Edges: {path}" for path in dict.fromkeys(each.edge_map for each in drawn) if path)
    if sheet:
        yield f"All pictures: {sheet}"
    for adapter in dict.fromkeys(each.adapters[0] for each in drawn if by_itself and each.adapters):
        scaled = f", scaled by {adapter.scale:g}" if adapter.scale != 1 else ""
        yield f"Drawn with adapter {adapter.id}{scaled}; --adapter none draws without."


ROUNDING = 2
"""Differences up to this, of 255, come from rounding: then another number of pictures was drawn at once."""


def sameness(difference: int | None) -> Iterator[str]:
    """Say whether a picture that was drawn again is the same, if it was compared."""
    if difference == 0:
        yield "It is the same picture, pixel for pixel."
    elif difference is not None:
        same = "the same picture but for rounding" if difference <= ROUNDING else "not the same picture"
        yield f"It is {same}: values differ by up to {difference} of 255."
