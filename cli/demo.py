"""studio demo"""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.commands import StudioCommand
from cli.session import Session, notice, pass_session

if TYPE_CHECKING:
    from lambda_studio.miniature.show.demo import DemoResult


@click.command("demo", cls=StudioCommand)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to make; it must be new or empty.  [default: studio-demo, or the next free studio-demo-N]",
)
@pass_session
def command(session: Session, out: Path | None) -> None:
    """See the whole workflow in a new folder, without a GPU.

    It adds subjects, finds them in their photos, draws them by name, fine-tunes, and draws the same pictures again.
    It uses the miniature, which is part of the package, so it downloads nothing. It takes a few minutes.
    """
    from cli.screen.progress import bars
    from lambda_studio.miniature.show.demo import run_demo
    from lambda_studio.pictures.outputs import new_folder

    folder = new_folder(out, default="studio-demo")
    try:
        result = run_demo(folder / "home", folder, notice, bars())
    except KeyboardInterrupt:
        notice(f"{folder} keeps the files that were made. The next `studio demo` starts again, in another folder.")
        raise
    session.show(result, lambda: _lines(result))


def _lines(result: "DemoResult") -> list[str]:
    before, after = result.before, result.after
    words = (
        "Paws, ears, rims and other parts have colours that no prompt names. They are right in "
        f"{before.details:.0%} of the subjects zero-shot, and in {after.details:.0%} after fine-tuning."
    )
    pairs = (
        f"Of two subjects in one picture, each has its own main colour in {before.both_main:.0%} of the pictures "
        f"zero-shot, and in {after.both_main:.0%} after fine-tuning."
    )
    scores = [("details", before.details, after.details), ("identity", before.identity, after.identity)]
    scores += [("composition", before.composition, after.composition)]
    return [
        words,
        pairs,
        *(f"{name:12} {first:.2f} zero-shot -> {then:.2f} fine-tuned" for name, first, then in scores),
        f"Contact sheet: {result.contact_sheet}",
        f"Scores:        {result.scores}",
        f"Everything:    {result.folder}",
        f"Continue with: studio --home {shlex.quote(str(result.folder / 'home'))} concepts",
    ]
