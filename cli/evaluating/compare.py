"""studio evaluate compare A B"""

from pathlib import Path

import click

from cli.commands import StudioCommand
from cli.session import Session, pass_session
from cli.texts.results_lines import comparison_lines


@click.command("compare", cls=StudioCommand)
@click.argument("one", type=click.Path(path_type=Path))
@click.argument("other", type=click.Path(path_type=Path))
@pass_session
def compare(session: Session, one: Path, other: Path) -> None:
    """Compare two evaluations picture by picture.

    Each metric has its mean difference, with a bootstrap interval over subjects.

    ONE and OTHER are folders of evaluations of the same kind, for instance of two adapters. Pictures that only one of
    them has are left out and counted.

    \b
      studio evaluate compare evaluations/zero-shot evaluations/tuned
    """
    with session.studio() as studio:
        found = studio.evaluations.compare(one, other)

    session.show(found, lambda: comparison_lines(found))
