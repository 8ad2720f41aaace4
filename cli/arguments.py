"""The check of every argument, before a command runs."""

from typing import Any

import click

LONGEST = 10_000
"""The maximum characters of an argument that is no path."""
LARGEST = 2**63 - 1
"""The largest integer of a database."""


def check(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    """Raise BadParameter for a value that no command can use: a text that is not UTF-8, a number beyond 64 bits."""
    for each in value if isinstance(value, (tuple, list)) else (value,):
        if fault := _fault(each):
            raise click.BadParameter(fault, ctx, param)


def _fault(value: Any) -> str | None:
    if isinstance(value, int) and not -LARGEST <= value <= LARGEST:
        return f"the number has more than 64 bits. Give at most {LARGEST}."
    if not isinstance(value, str):  # a path may hold any bytes: it is a file's name
        return None
    if len(value) > LONGEST:
        return f"the text has {len(value)} characters. Give at most {LONGEST}."
    if not _is_unicode(value):
        return "the text is not UTF-8. Check the encoding of your terminal."
    return "the text contains a NUL character." if "\0" in value else None


def _is_unicode(text: str) -> bool:
    # An argument that is not UTF-8 reaches Python as halves of surrogate pairs.
    return not any("\ud800" <= character <= "\udfff" for character in text)
