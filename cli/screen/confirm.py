"""Ask before something is removed."""

import sys

import click

from cli.screen.terminal import printable

yes_option = click.option("--yes", "-y", is_flag=True, help="Do not ask for confirmation.")


class NobodyToAsk(click.UsageError):
    """A question that nobody can answer, because there is no terminal."""

    exit_code = 2

    def __init__(self, question: str):
        super().__init__(question)
        self.cause = f"{question} There is nobody to ask here."
        self.remedy = "If you agree, add --yes to the command."


def confirmed(question: str, yes: bool) -> None:
    """Return if the user agrees or gave `--yes`; otherwise raise. Without a terminal, `--yes` is required."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise NobodyToAsk(question)
    click.confirm(printable(question), abort=True, err=True)
