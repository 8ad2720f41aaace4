"""Options that also have the spellings of other programs."""

from collections.abc import Mapping
from typing import Any

import click


class Aliased(click.Option):
    """An option that the command line also takes by `aliases`. Help, messages and the reference have its own name."""

    def __init__(self, *args: Any, aliases: tuple[str, ...], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.aliases = aliases

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """Tell the parser the option's own name, then the others."""
        super().add_to_parser(parser, ctx)
        for alias in self.aliases:
            action = "append" if self.multiple else "store"
            parser.add_option(obj=self, opts=[alias], dest=alias, action=action, nargs=self.nargs)

    def handle_parse_result(
        self, ctx: click.Context, opts: Mapping[str, Any], args: list[str]
    ) -> tuple[Any, list[str]]:
        """Take the value under whatever name it was given. Raises UsageError for different values under two names.

        An option that may be repeated takes the values of all names.
        """
        own = max(self.opts, key=len)
        given = {
            name: opts[key] for key, name in ((self.name, own), *((each, each) for each in self.aliases)) if key in opts
        }
        if self.multiple and given:
            given = {own: [value for values in given.values() for value in values]}
        elif len(set(given.values())) > 1:
            said = " and ".join(f"{name} {value}" for name, value in given.items())
            raise click.UsageError(f"One option is given twice, as {said}. Give one of them.", ctx)
        value = {str(self.name): next(iter(given.values()))} if given else {}
        return super().handle_parse_result(ctx, {**opts, **value}, args)
