"""studio evaluate ccd"""

from pathlib import Path

import click

from cli.commands import StudioCommand
from cli.session import Session, given, pass_session
from cli.texts.ccd_lines import concept_bed_lines, folder_lines

BOTH = "Give both --generated and --real, or neither: then the miniature draws, and is measured."


@click.command("ccd", cls=StudioCommand)
@click.option("--generated", type=click.Path(path_type=Path), help="Generated pictures, in a folder for each class.")
@click.option("--real", type=click.Path(path_type=Path), help="Real pictures, in a folder for each class.")
@click.option(
    "--oracle",
    default="miniature",
    show_default=True,
    metavar="ORACLE",
    help="Which network reads the pictures: miniature, timm:FOLDER (a classifier), or vilt:FOLDER (yes or no).",
)
@click.option(
    "--reference",
    type=click.Choice(["global", "class"]),
    default="global",
    show_default=True,
    help="Compare with the mean over all real pictures, or over those of the class.",
)
@click.option(
    "-n", "--pictures", type=int, help="Without folders: how many pictures to draw for each of two sets.  [default: 96]"
)
@click.option("--steps", type=int, help="Without folders: how many denoising steps (DDIM) to run.  [default: 8]")
@click.option("--seed", type=click.IntRange(0), help="Without folders: the seed of the first picture.  [default: 1000]")
@click.option("--out", type=click.Path(path_type=Path), help="Without folders: keep the pictures and scores here.")
@pass_session
def ccd(
    session: Session,
    generated: Path | None,
    real: Path | None,
    oracle: str,
    reference: str,
    out: Path | None,
    **drawing: int | None,
) -> None:
    """Measure how sure a network is of pictures: ConceptBed's CCD.

    The concept confidence deviation compares an oracle's confidence in the right class of generated pictures with that
    in real ones. A picture's class is the name of its folder. A .txt file beside a picture, with the same name, has its
    prompt, or its question for ViLT.

    Without folders, the miniature draws subjects that it never saw, alone, and dressed in a place. Its own oracle
    compares them with renderings.

    \b
      studio evaluate ccd
      studio evaluate ccd --generated drawn --real photographs --oracle timm:convnext
    """
    if generated is not None and real is not None:
        if out is not None or given(**drawing):
            raise click.UsageError("--pictures, --steps, --seed and --out are for pictures that the miniature draws.")
        with session.studio() as studio:
            read = studio.evaluations.ccd(generated, real, oracle, reference)
        session.show(read, lambda: folder_lines(read))
        return
    if generated is not None or real is not None or oracle != "miniature":
        raise click.UsageError(BOTH)
    from cli.screen.progress import bars
    from lambda_studio.miniature.judge.concept_sets import Wishes, measure_concepts

    wishes = Wishes(stack=session.stack or "miniature", reference=reference, **given(**drawing))
    found = measure_concepts(wishes, out, bars())
    session.show(found, lambda: concept_bed_lines(found, out))
