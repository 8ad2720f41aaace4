"""Settings of a command that are not given on its line."""

import difflib
import os
from collections.abc import Collection

import click

from cli.commands import GLOBAL, StudioCommand


def spellings(command: click.Command) -> dict[str, str]:
    """Return the setting of each spelling of the command's options, with underscores.

    A flag of one value, as --use-8bit-adam, is no setting and has its own name.
    """
    options = [each for each in command.params if isinstance(each, click.Option)]
    written = ((text, each) for each in options for text in _written(each))
    return {text: text if _is_one_value(each) else str(each.name) for text, each in written}


def set_by_environment(command: click.Command, but: Collection[str]) -> None:
    """Let variables set the command's options: PREFIX_RANK is --rank. Lists, flags of one value and `but` stay out.

    Each spelling of an option has its variable, and so has its setting: --dora is PREFIX_DORA and PREFIX_USE_DORA.
    """
    prefix = command.context_settings["auto_envvar_prefix"]
    for option in command.params:
        if isinstance(option, click.Option):
            option.allow_from_autoenv = (
                not option.multiple and not _is_one_value(option) and option.name not in {*but, *GLOBAL}
            )
            if option.allow_from_autoenv:
                names = dict.fromkeys((str(option.name), *_written(option)))
                option.envvar = [f"{prefix}_{name.upper()}" for name in names]


class SetByEnvironment(StudioCommand):
    """A command whose settings variables give. It refuses variables with its prefix that set nothing."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments and the variables.

        Raises UsageError for an unknown variable, with the nearest name, and for two different ones of one option.
        """
        rest = super().parse_args(ctx, args)
        if not ctx.resilient_parsing:
            for option in self.params:
                _require_one(option, ctx)
            for name, value in sorted(os.environ.items()):
                if value and name.startswith(f"{ctx.auto_envvar_prefix}_"):  # an empty variable sets nothing
                    _require_known(name, ctx)
        return rest


def _require_one(option: click.Parameter, ctx: click.Context) -> None:
    names = option.envvar if isinstance(option.envvar, list) else []
    given = {name: os.environ[name] for name in names if os.environ.get(name)}
    if len({*given.values()}) > 1:
        raise click.UsageError(f"{' and '.join(given)} give one option. Unset one of them.", ctx)


def _require_known(variable: str, ctx: click.Context) -> None:
    prefix, options = f"{ctx.auto_envvar_prefix}_", ctx.command.params
    taken = ((each.envvar, name) for each in options if isinstance(each.envvar, list) for name in each.envvar)
    read = {name.removeprefix(prefix).lower(): variables[0] for variables, name in taken}
    asked = variable.removeprefix(prefix).lower()
    if asked in read:
        return
    if asked in {*spellings(ctx.command), *(each.name for each in options)}:
        cause = f"{variable} is set, and no variable gives this option."
        raise click.UsageError(f"{cause} Give it on the command line.", ctx)
    opposites = {_underscored(no): each.opts[0] for each in options for no in each.secondary_opts}
    if asked in opposites:
        opposite = f"{prefix}{_underscored(opposites[asked]).upper()}=0"
        raise click.UsageError(f"{variable} is set, and is no setting. Its opposite is one: {opposite}", ctx)
    near = difflib.get_close_matches(asked, read, n=1)
    meant = f"Did you mean {read[near[0]]}?" if near else "Unset it."
    raise click.UsageError(f"{variable} is set, and is no setting. {meant}", ctx)


def _written(option: click.Option) -> list[str]:
    """Return the spellings of an option, with underscores."""
    return [_underscored(text) for text in (*option.opts, *getattr(option, "aliases", ()))]


def _underscored(option: str) -> str:
    return option.lstrip("-").replace("-", "_")


def _is_one_value(option: click.Option) -> bool:
    """Return whether the option stands for another with a value, as --use-8bit-adam."""
    return isinstance(option.flag_value, str | float)
