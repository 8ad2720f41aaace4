"""The one border between texts and the terminal. Every line that `studio` prints goes through it."""

import json
import os
import sys
from contextlib import suppress
from typing import Any

import click

from cli.screen.repeating import repeated
from concepts.printable import printable, printable_json


def open_standard_streams() -> None:
    """Open /dev/null for each standard stream that is closed, so that no other file gets its number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number
    for name, number in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:  # as Python has it where the stream was closed; libraries use it unasked
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8", closefd=False))  # noqa: SIM115  # open to the end


def flushed(code: int) -> int:
    """Flush both streams, and return the exit code: 7 if the answer could not be written and nothing else failed."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1 if stream is sys.stdout else 2)  # for the flush at exit
            code = code or (7 if stream is sys.stdout else 0)
    return code


def say(line: str) -> None:
    """Print a line of the answer on stdout, with escapes for characters that could change what a terminal shows."""
    click.echo(printable(_repeated(line)))


def say_json(answer: Any, one_line: bool = False) -> None:
    """Print the answer as JSON on stdout. Its values are exact; characters are escaped as JSON does."""
    click.echo(printable_json(json.dumps(answer, ensure_ascii=False, indent=None if one_line else 2)))


def notice(text: str) -> None:
    """Print a message that is not part of the answer on stderr, if stderr can be written."""
    warn(printable(_repeated(text)))


def _repeated(text: str) -> str:
    """Return a text whose commands have the global options of the present command line."""
    context = click.get_current_context(silent=True)
    return repeated(text, getattr(context.find_root().obj, "given", {})) if context else text


def warn(text: str) -> None:
    """Print a text that is safe already on stderr. A closed or full stderr changes no exit code."""
    with suppress(OSError, ValueError):  # closed or full: there is nowhere to say it
        click.echo(text, err=True)


def in_lines(text: str) -> str:
    """Return a text of several lines, each made safe. A line goes on after a newline and two spaces."""
    return "\n  ".join(map(printable, text.split("\n  ")))
