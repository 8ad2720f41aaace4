"""Options that also have the spellings of other programs."""

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
        parser.add_option(obj=self, opts=list(self.aliases), dest=self.name, action="store", nargs=self.nargs)
