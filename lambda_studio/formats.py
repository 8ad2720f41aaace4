"""Check format numbers and parse JSON strictly, for every λ-Studio format."""

import json
import re
from collections.abc import Mapping
from typing import Any

FORMAT = "format"
"""The key of the format number in every λ-Studio JSON document."""
UPDATE = "Update λ-Studio: pip install -U lambda-studio."
"""The remedy for a newer format than this version's."""

CHECKPOINT_NAME = re.compile(r"step-(\d{8,})(?:\.(\d+))?")
"""The name of a checkpoint's folder: its step, and a number if the step was saved before."""


def is_format(number: Any) -> bool:
    """Return whether a value can be a format number, known or not."""
    return type(number) is int and 1 <= number < 10**6


def format_of(said: Mapping[str, Any]) -> int:
    """Return the format number of a document, or 1 if there is none, because version 0.1 wrote no numbers.

    Raises ValueError for an invalid number.
    """
    number = said.get(FORMAT, 1)
    if not is_format(number):
        raise ValueError(f"its format is {str(number)[:40]!r}, not a number from 1")
    return int(number)


def too_new(what: str, number: int, known: int) -> str:
    """Return the cause of the error for a document of a newer format."""
    return f"{what} has format {number}, and this version of λ-Studio reads formats up to {known}."


def parse_json(text: str | bytes) -> Any:
    """Return the value of untrusted JSON.

    Raises ValueError for invalid JSON, a duplicate key, NaN, infinity, and too deep nesting.
    """
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError(str(error)) from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        raise ValueError("a key is duplicated")
    return table


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")
