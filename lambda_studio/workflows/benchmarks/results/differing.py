"""What differs between the facts of two evaluations, in words."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lambda_studio.config import require
from lambda_studio.settings.written import written

PROMPTS, PHOTOGRAPHS, PICTURES = "prompts_sha256", "photographs_sha256", "pictures_sha256"
"""Facts of `evaluation.json`. The photographs have a hash for each subject."""
SAID = {PROMPTS: "the prompts", PHOTOGRAPHS: "the photographs of {}", PICTURES: "the pictures to score"}
MOST = 3
"""The most differences that are named."""
LONGEST = 80
"""The most characters of a value that are shown."""


def differences(one: Any, other: Any, name: str) -> list[tuple[str, str, str]]:
    """Return the name and both values of each part that differs, in the order of the facts.

    Args:
        one: a fact as JSON has it. Only tables are compared part by part.
        other: the same fact of another evaluation.
        name: the fact's name. Parts of a table have their own.
    """
    return [(each, _short(first), _short(second)) for each, first, second in _leaves(one, other, name)]


def listed(found: list[tuple[str, str, str]], form: str) -> str:
    """Return the first differences, each in a form as `{0} {1}, now {2}`, and how many more there are."""
    more = f"; and {len(found) - MOST} more" if len(found) > MOST else ""
    return "; ".join(form.format(*each) for each in found[:MOST]) + more


def require_same_contents(out: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raise InvalidSetting unless an evaluation in `out` is of the same prompts, photographs and given pictures."""
    if PROMPTS not in now:
        return
    cause = f"An earlier λ-Studio began {out}, and did not note which prompts and photographs its scores are of."
    require(PROMPTS in before, cause, "Give a new folder with out. `report` and `compare` read the old one.", "out")
    changed = [
        (SAID[key].format(name), one, other)
        for key in SAID
        for name, one, other in differences(before.get(key), now.get(key), key)
    ]
    cause = f"{out} has scores of other files. Since it was begun these have changed: {listed(changed, '{0}')}."
    require(not changed, cause, "Give a new folder with out, or bring the old files back to go on.", "out")


def _leaves(one: Any, other: Any, name: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in dict.fromkeys([*one, *other]):
            yield from _leaves(one.get(key), other.get(key), str(key))
    elif one != other:
        yield name, one, other


def _short(value: Any) -> str:
    text = written(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
