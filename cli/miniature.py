"""studio miniature [train|evaluate|bench|gallery]"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.commands import StudioGroup
from cli.screen.interrupt import stopped_with
from cli.screen.repeating import same_command
from cli.session import Session, pass_session
from cli.texts.tables import table

if TYPE_CHECKING:
    from lambda_studio.miniature.judge.report import Report
    from lambda_studio.miniature.recipe.kept import Kept


@click.group("miniature", cls=StudioGroup)
def command() -> None:
    """Train, measure and show the miniature, the built-in models."""


@command.command("train")
@click.argument("work", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--stage",
    "stages",
    multiple=True,
    metavar="NAME",
    help="Train only this part of the models, and the parts that it needs. Repeat it for more.  [default: all]",
)
@click.option(
    "--share",
    type=float,
    default=1.0,
    show_default=True,
    help="Train only this share of the steps: 0.01 is a quick try.",
)
@click.option("--seed", type=int, default=20, show_default=True, help="Seed of the scenes and of the first weights.")
@click.option("--device", help="Where to train: cpu or cuda, an NVIDIA GPU.  [default: a GPU if there is one]")
@click.option(
    "--start",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Go on from the models in this folder, as --export writes it. Fewer steps, and CLIP stays as it is.",
)
@click.option(
    "--compile", "compiled", is_flag=True, help="Train faster on a CPU; needs a C++ compiler. A GPU is fast without it."
)
@click.option(
    "--export",
    type=click.Path(path_type=Path),
    help="Measure the result, and copy it to this new folder unless it is worse than the built-in models.",
)
@pass_session
def train(
    session: Session,
    work: Path,
    stages: tuple[str, ...],
    share: float,
    seed: int,
    device: str | None,
    start: Path | None,
    compiled: bool,
    export: Path | None,
) -> None:
    """Train the miniature in the folder WORK.

    It takes hours on two cores, and needs no pictures: they are drawn by the program. You need it only to change the
    miniature itself. Stop it with Ctrl-C, and run the same command again to go on.
    """
    from cli.screen.progress import bars
    from lambda_studio.miniature.recipe.config import require_stages
    from lambda_studio.miniature.recipe.kept import kept_in
    from lambda_studio.miniature.recipe.opening import open_recipe
    from lambda_studio.miniature.recipe.release import refuse_existing, release, staging_folder

    if export is not None:
        refuse_existing(export)
    require_stages(stages)  # before anything is written: a folder of another share would be refused
    recipe = open_recipe(work, share, device, compiled, bars(), start, seed)

    def stopped() -> list[str]:
        unchecked = staging_folder(export) if export and staging_folder(export).exists() else None
        return stopped_lines(work, kept_in(work), unchecked)

    with stopped_with(stopped):
        recipe.run(stages or None)
        report = release(recipe, export, bars()) if export else None
    if report is None:
        session.show({"work": work}, lambda: [f"Trained in {work}."])
        return
    session.show(report, lambda: [*_lines(report), f"Exported to {export}"])


def stopped_lines(work: Path, kept: "Kept", unchecked: Path | None) -> list[str]:
    """Return what a stopped training keeps, and the command that goes on with it.

    `unchecked` is a folder of weights that were not measured to the end, which the command would refuse.
    """
    trained = [f"Trained: {', '.join(kept.trained)}."] if kept.trained else []
    begun = [f"Checkpoint: {stage} at step {step:,}." for stage, step in kept.steps.items()]
    said = " ".join([*trained, *begun]) or "No checkpoint was written yet; pictures that were begun are drawn again."
    on = f"Remove {unchecked}, then go on" if unchecked else "Go on"
    return [f"Stopped the training in {work}. {said}", f"{on}: {same_command(click.get_current_context())}"]


@command.command("evaluate")
@click.option(
    "-n",
    "--number",
    "count",
    type=int,
    default=500,
    show_default=True,
    help="How many pictures for each measurement and seed.",
)
@click.option(
    "--seeds", type=int, default=4, show_default=True, help="How many seeds to measure; the spread is over the seeds."
)
@click.option(
    "--only", multiple=True, metavar="NAME", help="Run only this measurement. Repeat it for more.  [default: all]"
)
@click.option("--steps", type=int, default=8, show_default=True, help="How many denoising steps (DDIM) to run.")
@click.option("--workers", type=int, help="How many processes share the work.  [default: one for each core]")
@pass_session
def evaluate(session: Session, count: int, seeds: int, only: tuple[str, ...], steps: int, workers: int | None) -> None:
    """Measure every number of the miniature's model card. Its subjects were not in the training."""
    from cli.screen.progress import bars
    from lambda_studio.miniature.judge.report import FIRST_SEED, measure

    stack, numbers = session.stack or "miniature", range(FIRST_SEED, FIRST_SEED + seeds)
    report = measure(
        stack, count=count, seeds=numbers, only=only, num_inference_steps=steps, workers=workers, progress=bars()
    )
    session.show(report, lambda: _lines(report))


@command.command("bench")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@pass_session
def bench(session: Session, folder: Path) -> None:
    """Write a miniature DreamBench to FOLDER.

    It has 30 subjects that were not in the training, with their prompts.
    """
    from cli.screen.progress import bars
    from lambda_studio.miniature.judge.bench import write_bench
    from lambda_studio.pictures.outputs import new_folder

    written = write_bench(new_folder(folder, default="bench"), bars())
    subjects = f"{len(written.subjects)} subjects, {written.images} photographs"
    prompts = f"{written.prompts} prompts for one subject, {written.multi_subject_prompts} for several"
    session.show(written, lambda: [f"{subjects}; {prompts}", str(written.folder)])


@command.command("gallery")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "-n", "--number", "count", type=click.IntRange(1, 750), default=64, show_default=True, help="How many to draw."
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="The seed of the first picture.")
@pass_session
def gallery(session: Session, file: Path, count: int, seed: int) -> None:
    """Draw the benchmark's prompts zero-shot in FILE, a PNG. No picture is left out."""
    from cli.screen.progress import bars
    from cli.session import notice
    from lambda_studio.miniature.show.gallery import draw_gallery
    from lambda_studio.pictures.outputs import require_place, write_picture

    require_place(file)
    sheet = draw_gallery(count, seed, notice, bars())
    written = write_picture(sheet, {"seed": str(seed)}, file, "gallery")
    session.show({"gallery": written}, lambda: [str(written)])


def _lines(report: "Report") -> list[str]:
    rows = [
        (name, question, f"{figure.mean:.3f}", f"± {figure.spread:.3f}")
        for name, found in report.figures.items()
        for question, figure in found.items()
    ]
    title = f"{report.count} pictures for each of {len(report.seeds)} seeds"
    return [title, *table(("MEASURED", "OF WHAT", "MEAN", "SPREAD"), rows)]
