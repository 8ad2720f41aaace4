"""Settings, which the library names as Python does, told as the options of a command."""

import os
import re
from collections.abc import Callable

import click
from click.core import ParameterSource

ARROW = " → "

SAVES_MEMORY = {
    "batch_size": "a smaller {}",
    "gradient_checkpointing": "{}",
    "resolution": "a smaller {}",
    "size": "a smaller {}",
    "mixed_precision": "{} bf16",
    "precision": "{} fp16",
    "device": "{} cpu",
}
"""What to give where memory is short, by the setting, what costs least first."""


def less_memory(options: dict[str, str]) -> str:
    """Return the remedy for too little memory, of these options of a command."""
    ways = [said.format(options[name]) for name, said in SAVES_MEMORY.items() if name in options]
    return f"Close other programs, or give {' or '.join(ways)}." if ways else "Close other programs."


def option_names(command: click.Command | None) -> dict[str, str]:
    """Return a spelling of each of the command's options, by the setting that it gives.

    For a switch with an opposite it is the first spelling, otherwise the longest.
    """
    options = [each for each in (command.params if command else []) if isinstance(each, click.Option)]
    return {
        each.name: each.opts[0] if each.secondary_opts else max(each.opts, key=len) for each in options if each.name
    }


def variable_of(ctx: click.Context, name: str) -> str | None:
    """Return the variable with the command's prefix that gives an option, or None if none does."""
    given = ctx.auto_envvar_prefix and ctx.get_parameter_source(name) is ParameterSource.ENVIRONMENT
    options = [each for each in ctx.command.params if given and each.name == name]  # --use-ema gives --ema-decay
    names = [variable for each in options if isinstance(each.envvar, list) for variable in each.envvar]
    return next((variable for variable in names if os.environ.get(variable)), None)


def with_options(text: str, options: dict[str, str]) -> str:
    """Return the text with options in place of the settings that it names.

    Parts of paths and options stay, and words after a quotation mark.
    """
    return (
        re.sub(r"(?<![\w/\\.'-])\w+(?![\w/\\-])(?!\.\w)", lambda word: options.get(word[0], word[0]), text)
        if options
        else text
    )


def in_remedies(cause: str, spelled: Callable[[str], str]) -> str:
    """Return a cause of several lines with the remedies at the ends of its lines `spelled` anew."""
    parts = (line.rpartition(ARROW) for line in cause.split("\n"))
    return "\n".join(f"{before}{arrow}{spelled(end) if arrow else end}" for before, arrow, end in parts)


def with_values(remedy: str, options: dict[str, str]) -> str:
    """Return the remedy with `--option value` in place of `setting=value`. For True and False it is a switch.

    Parts of paths stay.
    """

    def spelled(match: re.Match[str]) -> str:
        if match[1] not in options:
            return match[0]
        option = options[match[1]]
        return {"True": option, "False": f"--no-{option[2:]}"}.get(match[2], f"{option} {match[2]}")

    return re.sub(r"(?<![\w/\\.'-])([a-z_]+)=('[^']*'|[^\s,;]*[^\s,;.)])", spelled, remedy)
