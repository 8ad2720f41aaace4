"""Settings of a command that are not given on its line."""

from collections.abc import Collection

import click

from cli.commands import GLOBAL


def spellings(command: click.Command) -> dict[str, str]:
    """Return the setting of each spelling of the command's options, with underscores."""
    options = [each for each in command.params if isinstance(each, click.Option) and not _is_one_value(each)]
    return {
        spelled.lstrip("-").replace("-", "_"): option.name
        for option in options
        for spelled in (*option.opts, *getattr(option, "aliases", ()))
        if option.name
    }


def set_by_environment(command: click.Command, but: Collection[str]) -> None:
    """Let variables set the command's options: PREFIX_RANK is --rank. Lists, flags of one value and `but` stay out."""
    for option in command.params:
        if isinstance(option, click.Option):
            option.allow_from_autoenv = (
                not option.multiple and not _is_one_value(option) and option.name not in {*but, *GLOBAL}
            )


def _is_one_value(option: click.Option) -> bool:
    """Return whether the option stands for another with a value, as --use-8bit-adam."""
    return isinstance(option.flag_value, str)
