"""studio evaluate report DIR [OTHER]"""

from pathlib import Path

import click

from cli.commands import StudioCommand
from cli.session import Session, pass_session
from cli.texts.results_lines import comparison_lines, evaluation_lines


@click.command("report", cls=StudioCommand)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.argument("other", metavar="[OTHER]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE.html",
    help="The page.  [default: DIR/report.html, or OTHER/comparison.html]",
)
@pass_session
def report(session: Session, folder: Path, other: Path | None, out: Path | None) -> None:
    """Write an evaluation, or two side by side, as one HTML page.

    DIR and OTHER are folders of evaluations. The page has the protocol, scores with bootstrap intervals, plots, the
    best, median and worst pictures, settings and versions. Of two evaluations it has the paired differences, and the
    pictures that gained and lost most.

    \b
      studio evaluate report evaluations/tuned
      studio evaluate report evaluations/zero-shot evaluations/tuned --out tuned.html

    The page needs no network and runs no script. An earlier report of the same evaluation is replaced; where another
    file has the name, a number is added to it.
    """
    with session.studio() as studio:
        if other is None:
            found = studio.evaluations.report(folder, out)
            session.show(found, lambda: evaluation_lines(found))
            return
        compared = studio.evaluations.report_comparison(folder, other, out)
        said = [*comparison_lines(compared.comparison), *compared.notes, f"The report: {compared.path}"]
        session.show(compared, lambda: dict.fromkeys(said))
