"""studio evaluate"""

import click

from cli.commands import StudioGroup
from cli.evaluating.ccd import ccd
from cli.evaluating.collapse import collapse
from cli.evaluating.compare import compare
from cli.evaluating.dreambench import dreambench
from cli.evaluating.multibench import multibench
from cli.evaluating.paper import paper
from cli.evaluating.report import report
from cli.evaluating.sets import sets


@click.group("evaluate", cls=StudioGroup)
def command() -> None:
    """Score pictures by benchmarks, and compare evaluations."""


for each in (dreambench, multibench, sets, collapse, ccd, compare, paper, report):
    command.add_command(each)
