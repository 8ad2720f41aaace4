"""Asking before something is removed."""

import sys

import click

yes_option = click.option("--yes", "-y", is_flag=True, help="Do not ask.")


def confirmed(question: str, yes: bool) -> None:
    """Return where the person agrees. Nobody to ask: refuse, unless `--yes` was given."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question} There is nobody to ask here: add --yes.")
    click.confirm(question, abort=True, err=True)
