"""What a harness answers: how often it tried a fault, and how often what followed was right."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One row of docs/reliability.md."""

    fault: str
    tried: int
    right: int
    target: int
    """How many tries the specification asks for; `tried` may be lower, and then `note` says why."""
    wrong: tuple[str, ...] = ()
    """What was seen where it was not right, at most twenty lines."""
    note: str = ""
    """What the figure covers and what it does not."""


def without_places(outcome: Outcome) -> Outcome:
    """Return the outcome without this machine's folders in what was seen: the report is committed."""
    places = {str(Path.home()): "~", tempfile.gettempdir(): "TMP", str(Path(__file__).parents[2]): "CHECKOUT"}
    wrong = outcome.wrong
    for place, name in sorted(places.items(), key=lambda each: -len(each[0])):  # the innermost folder first
        wrong = tuple(line.replace(place, name) for line in wrong)
    return replace(outcome, wrong=wrong)


Harness = Callable[[float, Path, int], list[Outcome]]
"""`run(share, folder, seed)`: `share` of the full number of tries (1.0: all), in an empty folder of its own."""
