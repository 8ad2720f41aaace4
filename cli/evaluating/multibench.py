"""studio evaluate multibench DIR"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.commands import StudioCommand, download_option, hardware_options
from cli.evaluating.resumable import resumable
from cli.options.benchmarks import DRAWING, benchmark_options, out_option
from cli.session import Session, given, pass_session
from cli.texts.benchmark_lines import benchmark_lines

if TYPE_CHECKING:
    from lambda_studio.studio import WrittenPrompts


@click.command("multibench", cls=StudioCommand)
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@out_option("evaluations/multibench")
@click.option(
    "--together",
    type=click.IntRange(2, 3),
    default=3,
    show_default=True,
    help="Subjects of a prompt: 3, or 2, which is a reconstruction.",
)
@click.option(
    "--write-prompts",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the prompts into FILE.txt or FILE.jsonl, and draw nothing. Without DIR: those of the published set.",
)
@benchmark_options
@hardware_options
@download_option
@pass_session
def multibench(
    session: Session, folder: Path | None, out: Path, together: int, write_prompts: Path | None,
    score_only: Path | None, **settings: Any,
) -> None:  # fmt: skip
    """Draw and score Multibench's prompts of several subjects.

    DIR has a folder of photographs for each subject. Nouns come from multibench.json ({"rex": "dog"}), from
    DreamBench's file, or from the folder's name. What is missing restricts the prompts, which is said.

    --prompts counts compositions. Each has a prompt for every choice of its subjects, so that 3 compositions may have 9
    prompts.

    \b
      studio evaluate multibench subjects
      studio evaluate multibench subjects --together 2 --out evaluations/two
      studio evaluate multibench --write-prompts multibench.txt
    """
    from lambda_studio.config import BenchmarkConfig, GenerateConfig

    drawing = GenerateConfig(**given(**{name: settings.pop(name) for name in DRAWING}))
    config = BenchmarkConfig(**given(**settings))
    if folder is None and write_prompts is None:
        raise click.UsageError("Give DIR, or --write-prompts FILE.")
    with session.studio() as studio, resumable(out):
        if write_prompts:
            written = studio.evaluations.write_multibench_prompts(write_prompts, folder, config, together=together)
            session.show(written, lambda: written_lines(written))
            return
        assert folder is not None, "it was checked above"
        found = studio.evaluations.multibench(folder, out, config, drawing, together=together, score_only=score_only)
    if found:
        session.show(found, lambda: benchmark_lines(found))


def written_lines(written: "WrittenPrompts") -> list[str]:
    """Return what a file of prompts has."""
    shares = f"{written.compositions} of {written.of_compositions} compositions of {written.together} subjects"
    return [f"{written.path}: {written.prompts:,} prompts, from {shares}.", *written.notes]
