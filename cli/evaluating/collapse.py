"""studio evaluate collapse DIR"""

from pathlib import Path

import click

from cli.commands import StudioCommand
from cli.session import Session, pass_session
from cli.texts.sets_lines import collapse_lines


@click.command("collapse", cls=StudioCommand)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--threshold",
    type=float,
    default=0.7,
    show_default=True,
    help="The least similarity by DINOv2 of a subject that counts as drawn.",
)
@pass_session
def collapse(session: Session, folder: Path, threshold: float) -> None:
    """Count the subjects that pictures of several have lost.

    It is the published Subject Collapse Rate. DIR is an evaluation whose scores are by dinov2-vits14.

    \b
      studio evaluate multibench subjects --dino dinov2-vits14
      studio evaluate collapse evaluations/multibench
    """
    with session.studio() as studio:
        found = studio.evaluations.collapse(folder, threshold)
    session.show(found, lambda: collapse_lines(found))
