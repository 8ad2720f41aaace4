"""studio doctor"""

import click

from cli.commands import StudioCommand
from cli.screen.spelling import option_names, with_values
from cli.session import Session, pass_session


@click.command("doctor", cls=StudioCommand)
@click.option(
    "--depth",
    type=click.Choice(["quick", "usual", "thorough"]),
    default="usual",
    show_default=True,
    help="How much to check. quick: no file contents. usual: the database's structure, the library's images, "
    "the adapters and the stack's weights. thorough: everything, and one in a hundred cached values is recomputed.",
)
@click.option(
    "--repair",
    is_flag=True,
    help="Remove unfinished files, and drop wrong cached values. Your data does not change.",
)
@pass_session
def command(session: Session, depth: str, repair: bool) -> int:
    """Check the database, images, adapters and model files.

    The exit code is 0 without problems, 1 if --repair or normal use corrects all problems, otherwise 2.
    """
    options = option_names(session.command)
    findings = session.upkeep().examine(session.studio, depth, repair)

    def lines() -> list[str]:
        told: list[str] = []
        for finding in findings:
            told.append(f"{'ok     ' if finding.whole else 'problem'}  {finding.what}: {finding.said}")
            told += [f"           → {with_values(finding.remedy, options)}"] if finding.remedy else []
        return told

    session.show(findings, lines)
    return max((0 if finding.whole else 1 if finding.mendable else 2 for finding in findings), default=0)
