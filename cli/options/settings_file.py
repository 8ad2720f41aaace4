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
    written = ((_underscored(text), each) for each in options for text in (*each.opts, *getattr(each, "aliases", ())))
    return {text: text if _is_one_value(each) else str(each.name) for text, each in written}


def set_by_environment(command: click.Command, but: Collection[str]) -> None:
    """Let variables set the command's options: PREFIX_RANK is --rank. Lists, flags of one value and `but` stay out."""
    for option in command.params:
        if isinstance(option, click.Option):
            option.allow_from_autoenv = (
                not option.multiple and not _is_one_value(option) and option.name not in {*but, *GLOBAL}
            )


class SetByEnvironment(StudioCommand):
    """A command whose settings variables give. It refuses variables with its prefix that set nothing."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments and the variables. Raises UsageError with the nearest name for an unknown variable."""
        rest = super().parse_args(ctx, args)
        if not ctx.resilient_parsing:
            for name, value in sorted(os.environ.items()):
                if value and name.startswith(f"{ctx.auto_envvar_prefix}_"):  # an empty variable sets nothing
                    _require_known(name, ctx)
        return rest


def _require_known(variable: str, ctx: click.Context) -> None:
    prefix, options = f"{ctx.auto_envvar_prefix}_", ctx.command.params
    read = {each.name: each.name for each in options if isinstance(each, click.Option) and each.allow_from_autoenv}
    spelled, asked = {**spellings(ctx.command), **read}, variable.removeprefix(prefix).lower()
    if asked in read:
        return
    if asked in spelled and spelled[asked] not in read:
        cause = f"{variable} is set, and no variable gives this option."
        raise click.UsageError(f"{cause} Give it on the command line.", ctx)
    if switch := {_underscored(opposite): each.name for each in options for opposite in each.secondary_opts}.get(asked):
        opposite = f"{prefix}{switch.upper()}=0"
        raise click.UsageError(f"{variable} is set, and is no setting. Its opposite is one: {opposite}", ctx)
    near = difflib.get_close_matches(asked, [each for each, name in spelled.items() if name in read], n=1)
    meant = f"Did you mean {prefix}{spelled[near[0]].upper()}?" if near else "Unset it."
    raise click.UsageError(f"{variable} is set, and is no setting. {meant}", ctx)


def _underscored(option: str) -> str:
    return option.lstrip("-").replace("-", "_")


def _is_one_value(option: click.Option) -> bool:
    """Return whether the option stands for another with a value, as --use-8bit-adam."""
    return isinstance(option.flag_value, str | float)
