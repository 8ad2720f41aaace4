"""studio doctor"""

import click

from cli.commands import StudioCommand
from cli.session import Session, pass_session


@click.command("doctor", cls=StudioCommand)
@pass_session
def command(session: Session) -> int:
    """Look whether everything is whole: stored images, adapter files, the stack's files."""
    with session.studio() as studio:
        findings = studio.examine()

    def lines() -> list[str]:
        return [
            f"{'ok     ' if finding.whole else 'problem'}  {finding.what}: {finding.said}"
            + (f"\n           → {finding.remedy}" if finding.remedy else "")
            for finding in findings
        ]

    session.show(findings, lines)
    return 0 if all(finding.whole for finding in findings) else 7
