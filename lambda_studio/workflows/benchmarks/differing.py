"""What differs between the facts of two evaluations, in words."""

from collections.abc import Iterator, Mapping
from typing import Any

from lambda_studio.settings.written import written

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


def _leaves(one: Any, other: Any, name: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in dict.fromkeys([*one, *other]):
            yield from _leaves(one.get(key), other.get(key), str(key))
    elif one != other:
        yield name, one, other


def _short(value: Any) -> str:
    text = written(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
