"""studio evaluate sets DRAWN REAL"""

from pathlib import Path

import click

from cli.commands import StudioCommand, download_option, hardware_options
from cli.options.benchmarks import NAMES
from cli.session import Session, pass_session
from cli.texts.sets_lines import sets_lines


@click.command("sets", cls=StudioCommand)
@click.argument("drawn", metavar="DRAWN", type=click.Path(path_type=Path))
@click.argument("real", metavar="REAL", type=click.Path(path_type=Path))
@click.option(
    "--metrics",
    type=NAMES,
    metavar="A,B",
    default="fid,kid,cmmd",
    show_default=True,
    help="fid, kid, cmmd (CLIP L/14, 336 pixels) and cmmd-stack (the stack's own CLIP).",
)
@click.option(
    "--weights",
    multiple=True,
    metavar="NAME=FOLDER",
    help="Where the weights of inception and clip-l14-336 are. Repeat it for more.",
)
@hardware_options
@download_option
@pass_session
def sets(
    session: Session, drawn: Path, real: Path, metrics: tuple[str, ...], weights: tuple[str, ...]
) -> None:  # fmt: skip
    """Measure how far drawn pictures are from real ones.

    DRAWN and REAL are folders of pictures, with their subfolders. FID and KID compare them by Inception, CMMD by CLIP.
    These distances need many pictures: it is said where there are too few.

    \b
      studio evaluate sets evaluations/dreambench/pictures photographs
      studio evaluate sets drawn photographs --metrics fid,kid --weights inception=models
      studio evaluate sets drawn photographs --metrics cmmd-stack
    """
    with session.studio() as studio:
        found = studio.evaluations.sets(drawn, real, metrics, weights)
    session.show(found, lambda: sets_lines(found))
