"""The check of every argument, before a command runs."""

import re
from typing import Any

import click

LONGEST = 10_000
"""The maximum characters of an argument that is no path."""
MOST = 10_000
"""The maximum images of one range."""
LARGEST = 2**63 - 1
"""The largest integer of a database."""


def check(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    """Raise BadParameter for a value that no command can use: a text that is not UTF-8, a number beyond 64 bits."""
    for each in value if isinstance(value, (tuple, list)) else (value,):
        if fault := _fault(each):
            raise click.BadParameter(fault, ctx, param)


def _fault(value: Any) -> str | None:
    if isinstance(value, int) and not -LARGEST <= value <= LARGEST:
        return "the number has more than 64 bits. Give one closer to 0."
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


class Images(click.ParamType):
    """A number of an image, several in a row, or the name of an image's file: `2`, `2-8` or `IMG_1.jpg`."""

    name = "images"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> range | tuple[str]:
        """Return the numbers as a range, or the name alone. Raises BadParameter."""
        if not isinstance(value, str):
            return value  # click converts a value that was converted
        matched = re.fullmatch(r"(-?[0-9]{1,9})(?:-([0-9]{1,9}))?", value)
        if not matched:
            return (value,)
        numbers = range(int(matched[1]), int(matched[2] or matched[1]) + 1)
        if not numbers:
            self.fail(f"{value!r} counts down. Did you mean {matched[2]}-{matched[1]}?", param, ctx)
        if len(numbers) > MOST:
            self.fail(f"{value!r} has more than {MOST} images.", param, ctx)
        return numbers


class Weighted(click.ParamType):
    """A concept's name, with a weight or without: `rex`, `rex:0.7`, `route\\:66`."""

    name = "weighted"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, float | None]:
        """Return the name and the weight, or None for no weight. Raises BadParameter."""
        if not isinstance(value, str):
            return value  # click converts a value that was converted
        if fault := _fault(value):
            self.fail(fault, param, ctx)
        matched = re.fullmatch(r"(.*[^\\]):([-+]?[0-9]{0,9}\.?[0-9]{1,9})", value, re.DOTALL)
        if not matched and (wrong := re.fullmatch(r"(.*[^\\]):([^:]*)", value, re.DOTALL)):
            given = (
                f"The weight of {wrong[1]!r} is {wrong[2]}." if wrong[2] else f"{wrong[1]!r} has a colon and no weight."
            )
            remedy = f"Give a number, as {wrong[1]}:0.7, or write \\: if the colon is in the name."
            self.fail(f"{given} {remedy}", param, ctx)
        name, weight = (matched[1], float(matched[2])) if matched else (value, None)
        return name.replace("\\:", ":"), weight
