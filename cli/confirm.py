"""Ask before something is removed."""

import sys

import click

from cli.terminal import printable

yes_option = click.option("--yes", "-y", is_flag=True, help="Do not ask for confirmation.")


def confirmed(question: str, yes: bool) -> None:
    """Return if the user agrees or gave `--yes`; otherwise raise. Without a terminal, `--yes` is required."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question} There is nobody to ask here: add --yes.")
    click.confirm(printable(question), abort=True, err=True)
