"""What our formats have in common: a number that says how to read them, and JSON that is read strictly."""

import json
from collections.abc import Mapping
from typing import Any

FORMAT = "format"
"""The key of the number in each of our JSON documents."""
UPDATE = "Update λ-Studio: pip install -U lambda-studio."
"""The remedy for a format that is newer than this version."""


def is_format(number: Any) -> bool:
    """Return whether a value can be a format number, known or not."""
    return type(number) is int and 1 <= number < 10**6


def format_of(said: Mapping[str, Any]) -> int:
    """Return the format number of a document; 1 where it has none, as version 0.1 wrote no numbers.

    Raises ValueError for a number that cannot be one.
    """
    number = said.get(FORMAT, 1)
    if not is_format(number):
        raise ValueError(f"its format is {str(number)[:40]!r}, and not a number from 1")
    return int(number)


def too_new(what: str, number: int, known: int) -> str:
    """Return the cause of an error about a document that a newer version wrote."""
    return f"{what} has format {number}, and this version of λ-Studio reads formats up to {known}."


def parse_json(text: str | bytes) -> Any:
    """Return the value of JSON that a stranger may have written.

    Raises ValueError for text that is no JSON, a key that comes twice, NaN, infinity, and nesting that is too deep.
    """
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError(str(error)) from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        raise ValueError("a key comes twice")
    return table


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")
