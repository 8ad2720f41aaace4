"""The command reference, generated from the click tree."""

import inspect
import re
from collections.abc import Iterator

import click

from cli.main import studio
from docs.reference.markdown import NOTICE, code, escaped, table

TITLES = ("Option", "Meaning")
HEAD = f"""# Command reference

{NOTICE}

`studio COMMAND --help` prints the same text. `lambda-studio` is the same program under a longer name.
"""


def commands_page() -> str:
    """Return the page that lists every command with its arguments and options."""
    root = click.Context(studio, info_name="studio")
    shared = [_row(param, root) for param in studio.params if isinstance(param, click.Option)]
    parts = [HEAD, "## Global options\n", "Give them before or after the command.\n", table(TITLES, shared)]
    for context in _contexts(root):
        parts += _section(context)
    return "\n".join(parts)


def _contexts(parent: click.Context) -> Iterator[click.Context]:
    """Yield the context of each command below `parent`, depth first."""
    group = parent.command
    assert isinstance(group, click.Group)
    for name in group.list_commands(parent):
        command = group.get_command(parent, name)
        assert command is not None
        context = click.Context(command, info_name=name, parent=parent)
        yield context
        if isinstance(command, click.Group):
            yield from _contexts(context)


def _section(context: click.Context) -> list[str]:
    """Return the lines about one command: heading, usage, help and its own options."""
    command, depth = context.command, len(context.command_path.split())
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    shared = {param.name for param in studio.params}
    own = [param for param in command.params if isinstance(param, click.Option) and param.name not in shared]
    rows = [_row(param, context) for param in own if not param.hidden]
    return [
        f"{'#' * min(depth, 3)} {context.command_path}\n",
        f"```text\n{usage}\n```\n",
        *_paragraphs(command.help or ""),
        *([table(TITLES, rows)] if rows else []),
    ]


def _row(param: click.Parameter, context: click.Context) -> tuple[str, str]:
    record = param.get_help_record(context)
    assert record is not None
    option, meaning = record
    return code(option), escaped(re.sub(r"\s+", " ", meaning))


def _paragraphs(text: str) -> Iterator[str]:
    """Yield click's help as Markdown; a paragraph after \\b is shown as it is written."""
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        if paragraph.startswith("\b"):
            yield f"```sh\n{inspect.cleandoc(paragraph.removeprefix(chr(8)).lstrip(chr(10)))}\n```\n"
        else:
            yield escaped(" ".join(paragraph.split())) + "\n"
