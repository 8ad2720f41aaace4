"""studio evaluate compare A B"""

from pathlib import Path

import click

from cli.commands import StudioCommand
from cli.session import Session, pass_session
from cli.texts.tables import table


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

    def lines() -> list[str]:
        rows = [
            (
                each.metric,
                f"{each.one:.4f}",
                f"{each.other:.4f}",
                f"{each.difference.mean:+.4f}",
                f"{each.difference.low:+.4f} to {each.difference.high:+.4f}",
                "yes" if each.is_clear else "no",
            )
            for each in found.metrics
        ]
        head = ("METRIC", "ONE", "OTHER", "DIFFERENCE", "95 % OF IT", "CLEAR")
        counted = f"{found.pictures} pictures of {found.subjects} subjects are in both."
        left = f" {found.only_one} are only in ONE, {found.only_other} only in OTHER." if found.uneven else ""
        return [*table(head, rows), counted + left, *found.notes]

    session.show(found, lines)
