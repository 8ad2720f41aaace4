"""studio doctor"""

import click

from cli.commands import StudioCommand
from cli.session import Session, pass_session


@click.command("doctor", cls=StudioCommand)
@click.option(
    "--depth",
    type=click.Choice(["quick", "usual", "thorough"]),
    default="usual",
    show_default=True,
    help="quick: no bytes are read. usual: the database's structure, the library's images, adapters. thorough: all, "
    "and of the cached values one in a hundred is computed again.",
)
@click.option(
    "--repair",
    is_flag=True,
    help="Sweep up what was never finished, and drop cached values that are wrong. Nothing that you made is touched.",
)
@pass_session
def command(session: Session, depth: str, repair: bool) -> int:
    """Look whether everything is whole: the database, stored images, adapter files, the stack's files.

    Ends with 0 where it is, 1 where all that is not can be mended with --repair or mends itself, else with 2.
    """
    findings = session.upkeep().examine(session.studio, depth, repair)

    def lines() -> list[str]:
        return [
            f"{'ok     ' if finding.whole else 'problem'}  {finding.what}: {finding.said}"
            + (f"\n           → {finding.remedy}" if finding.remedy else "")
            for finding in findings
        ]

    session.show(findings, lines)
    return max((0 if finding.whole else 1 if finding.mendable else 2 for finding in findings), default=0)
