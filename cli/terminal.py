"""The one border between texts and the terminal. Every line that `studio` prints goes through it."""

import json
from contextlib import suppress
from typing import Any

import click

from concepts.printable import printable, printable_json


def say(line: str) -> None:
    """Print a line of the answer on stdout, with escapes for characters that could change what a terminal shows."""
    click.echo(printable(line))


def say_json(answer: Any) -> None:
    """Print the answer as JSON on stdout. Its values are exact; characters are escaped as JSON does."""
    click.echo(printable_json(json.dumps(answer, ensure_ascii=False, indent=2)))


def notice(text: str) -> None:
    """Print a message that is not part of the answer on stderr, if stderr can be written."""
    warn(printable(text))


def warn(text: str) -> None:
    """Print a text that is safe already on stderr. A closed or full stderr changes no exit code."""
    with suppress(OSError, ValueError):
        click.echo(text, err=True)


def in_lines(text: str) -> str:
    """Return a text of several lines, each made safe. A line goes on after a newline and two spaces."""
    return "\n  ".join(map(printable, text.split("\n  ")))
