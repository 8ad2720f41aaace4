"""studio evaluate dreambench DIR"""

from pathlib import Path
from typing import Any

import click

from cli.commands import StudioCommand, download_option, hardware_options
from cli.evaluating.resumable import resumable
from cli.options.benchmarks import DRAWING, benchmark_options, out_option
from cli.session import Session, given, pass_session
from cli.texts.benchmark_lines import benchmark_lines


@click.command("dreambench", cls=StudioCommand)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@out_option("evaluations/dreambench")
@benchmark_options
@click.option(
    "--unique-token", metavar="WORD", help="CLIP-T reads the noun with this word before it, as sks.  [default: none]"
)
@click.option(
    "--mean",
    type=click.Choice(["macro", "pairs"]),
    help="Subjects count the same, or by their references.  [default: macro]",
)
@hardware_options
@download_option
@pass_session
def dreambench(session: Session, folder: Path, out: Path, score_only: Path | None, **settings: Any) -> None:
    """Draw and score DreamBench's prompts.

    DIR is DreamBooth's folder `dataset`: prompts_and_classes.txt, and a folder of photographs of each subject. Subjects
    that are missing are named. The library stays as it is. An evaluation that was stopped is resumed by the same
    command; accelerate launch -m cli evaluate dreambench DIR shares it out.

    \b
      studio evaluate dreambench dreambooth/dataset
      studio evaluate dreambench dreambooth/dataset --adapter 3 --out evaluations/tuned
      studio evaluate dreambench dreambooth/dataset --score-only other/pictures --out evaluations/other

    Pictures of other programs are files as FOLDER/dog6/03/NAME.png: subject, number of the prompt in the file.
    """
    from lambda_studio.config import BenchmarkConfig, GenerateConfig

    drawing = GenerateConfig(**given(**{name: settings.pop(name) for name in DRAWING}))
    config = BenchmarkConfig(**given(**settings))
    with session.studio() as studio, resumable(out):
        found = studio.evaluations.dreambench(folder, out, config, drawing, score_only=score_only)
    if found:
        session.show(found, lambda: benchmark_lines(found))
