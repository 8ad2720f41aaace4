"""The pages that people read, and the command lines in them."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click

from cli.main import studio

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
GENERATED = {DOCS / "reliability.md", DOCS / "decisions" / "index.md", *(DOCS / "reference").glob("*.md")}
GUIDES = sorted({README, *DOCS.glob("*.md")} - GENERATED)
"""The README and every page that is written by hand; decisions are history and may name what is gone."""


def blocks(page: Path, *languages: str) -> list[str]:
    """Return the fenced blocks of a page that are in one of `languages` ("" is none)."""
    found = re.findall(r"^```(\w*)\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return [text for language, text in found if language in languages]


def shown_lines(page: Path) -> Iterator[str]:
    """Yield every call of `studio` that a page shows in a block."""
    for line in "".join(blocks(page, "", "sh")).splitlines():
        yield from (part.strip() for part in line.split("&&") if part.strip().startswith("studio "))


def named_commands(page: Path) -> Iterator[str]:
    """Yield every `studio …` that a page names within its text."""
    yield from re.findall(r"`(studio [^`]+)`", page.read_text(encoding="utf-8"))


def rows(page: Path) -> Iterator[tuple[str, str]]:
    """Yield command and description of each row of a table that begins with a command."""
    yield from re.findall(r"^\| `(studio [^`]+)` \| (.+) \|$", page.read_text(encoding="utf-8"), re.MULTILINE)


def leaf(words: list[str]) -> tuple[click.Command, list[str]]:
    """Return the command that these words call, and the words that are left for it."""
    command: click.Command = studio
    while isinstance(command, click.Group) and words and re.fullmatch(r"[a-z][a-z-]*", words[0]):
        found = command.get_command(click.Context(command), words[0])
        assert found is not None, f"there is no command {words[0]!r}"
        command, words = found, words[1:]
    return command, words


def called(text: str) -> click.Command:
    """Return the command that a `studio …` calls, however its arguments are written."""
    return leaf(shlex.split(text)[1:])[0]


def options(command: click.Command) -> set[str]:
    """Return the options that a command takes, global ones included."""
    return {name for param in command.params if isinstance(param, click.Option) for name in param.opts} | {"--help"}


def every_path(group: click.Group = studio, path: str = "studio") -> Iterator[str]:
    """Yield the words that call each command."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield f"{path} {name}"
        if isinstance(command, click.Group):
            yield from every_path(command, f"{path} {name}")
