"""studio finetune NAME… | --all"""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from cli.commands import download_option, hardware_options
from cli.options.aliases import Aliased
from cli.options.elsewhere import TrainerCommand
from cli.options.settings_file import set_by_environment, spellings
from cli.options.training import adapter_options, crop_options, lora_options, loss_options, score_options
from cli.screen.spelling import option_names, with_values
from cli.session import Session, given, pass_session
from cli.texts.evaluation_lines import evaluation_lines
from cli.texts.tables import counted
from cli.texts.training_plan import plan_lines
from cli.texts.training_scores import best_lines, end_lines, score_lines
from cli.training.adapters import size_lines
from cli.training.runs import resume_line


@click.command("finetune", cls=TrainerCommand, context_settings={"auto_envvar_prefix": "STUDIO_FINETUNE"})
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--all", "everything", is_flag=True, help="Train on every concept of the library.")
@click.option(
    "--method", type=click.Choice(["lora", "full"]), help="Train low-rank updates, or the whole UNet.  [default: lora]"
)
@lora_options
@click.option(
    "--steps",
    cls=Aliased,
    aliases=("--max-train-steps",),
    type=int,
    help="How many optimiser steps to train.  [default: 400, and 262 more for each further concept; on the miniature "
    "about 38 more. A stack's steps_for_thirty changes it]",
)
@click.option(
    "--learning-rate",
    type=float,
    help="The optimiser's learning rate.  [default: the stack's, else 1e-4 lora, 1e-5 full]",
)
@click.option(
    "--use-8bit-adam", "optimizer", flag_value="adamw-8bit", default=None, help="The same as --optimizer adamw-8bit."
)
@click.option(
    "--optimizer",
    metavar="adamw|adamw-8bit|MODULE:CLASS",
    help="AdamW, AdamW with states in 8 bits, or a class of an installed package.  [default: adamw]",
)
@click.option(
    "--lr-scheduler",
    type=click.Choice(["constant", "constant_with_warmup", "linear", "polynomial", "cosine", "cosine_with_restarts"]),
    callback=lambda ctx, param, name: name and name.removesuffix("_with_warmup"),
    help="Keep the learning rate, or let it fall to a hundredth or less.  [default: constant]",
)
@click.option("--lr-num-cycles", type=int, help="How often cosine_with_restarts falls.  [default: 1]")
@click.option("--lr-power", type=float, help="The power of polynomial.  [default: 1]")
@click.option("--lr-warmup-steps", type=int, help="How many steps the learning rate rises.  [default: 0]")
@click.option(
    "--weight-decay",
    cls=Aliased,
    aliases=("--adam-weight-decay",),
    type=float,
    help="The optimiser's weight decay.  [default: 0.01]",
)
@click.option("--max-grad-norm", type=float, help="Clip gradients to this norm.  [default: 1]")
@click.option(
    "--use-ema", "ema_decay", flag_value=0.9999, type=float, default=None, help="The same as --ema-decay 0.9999."
)
@click.option("--ema-decay", type=float, help="Keep a moving average of the weights, e.g. 0.99.  [default: 0, none]")
@click.option(
    "--batch-size",
    cls=Aliased,
    aliases=("--train-batch-size",),
    type=int,
    help="Images in one step.  [default: the stack's, else 4]",
)
@click.option(
    "--gradient-accumulation-steps", type=int, help="Batches whose gradients make one optimiser step.  [default: 1]"
)
@click.option(
    "--conditions",
    type=click.Choice(["paper", "prior", "both", "scenes"]),
    help="Learn each picture from its own embedding, from the prior's for its name and caption, from both, or from "
    "these and the prior's for other scenes.  [default: the stack's, else paper]",
)
@click.option(
    "--keep-dressed",
    type=int,
    metavar="PROMPTS",
    help='Prompts for each picture, 0 to 6, such as "a <name> wearing a hat", for which the LoRA changes nothing. '
    "Worn things stay in long trainings, and the gain is smaller.  [default: 0]",
)
@crop_options
@loss_options
@click.option(
    "--mixed-precision",
    type=click.Choice(["no", "fp16", "bf16"]),
    help="The number format of the training.  [default: no]",
)
@click.option(
    "--compile/--no-compile",
    default=None,
    help="Compile the UNet by torch.compile: faster steps after minutes of compiling.",
)
@click.option(
    "--gradient-checkpointing/--no-gradient-checkpointing",
    default=None,
    help="Compute activations twice in place of keeping them: less memory, more time.  [default: if memory is short]",
)
@click.option("--seed", type=int, help="The seed of order, noise and timesteps.  [default: 0]")
@click.option(
    "--resume", is_flag=True, help="Resume the newest unfinished run of these concepts; without names, of any."
)
@click.option(
    "--checkpoint-every",
    cls=Aliased,
    aliases=("--checkpointing-steps",),
    type=int,
    metavar="STEPS",
    help="Write a checkpoint after so many steps.  [default: 100]",
)
@click.option(
    "--preview-every",
    cls=Aliased,
    aliases=("--validation-steps",),
    type=int,
    metavar="STEPS",
    help="Draw previews after so many steps; 0 draws none.  [default: a quarter of the steps]",
)
@click.option(
    "--preview",
    "preview_prompts",
    cls=Aliased,
    aliases=("--validation-prompt",),
    multiple=True,
    metavar="PROMPT",
    callback=lambda ctx, param, prompts: prompts or None,
    help='What previews draw. Repeat it for more.  [default: "a <NAME>", for the first four concepts]',
)
@score_options
@click.option(
    "--report-to",
    multiple=True,
    type=click.Choice(["tensorboard", "trackio", "wandb"]),
    callback=lambda ctx, param, names: names or None,
    help="Pass the losses on to this program while training. Repeat it for more.",
)
@click.option(
    "--config",
    cls=Aliased,
    aliases=("--config-file",),
    type=click.Path(path_type=Path),
    metavar="FILE.toml",
    help="Read settings from a file. Options and STUDIO_FINETUNE_… variables outrank it.",
)
@click.option("--plan", is_flag=True, help="Show what would be trained, its time and memory, and train nothing.")
@click.option("--evaluate", is_flag=True, help="Measure the adapter at the end, as studio adapters evaluate does.")
@adapter_options
@hardware_options
@download_option
@pass_session
def command(
    session: Session, names: tuple[str, ...], everything: bool, resume: bool, plan: bool, evaluate: bool,
    rebuild: str | None, without: tuple[str, ...], start_from: str | None, config: Path | None, **settings: Any,
) -> int:  # fmt: skip
    """Fine-tune the decoder on all named concepts together.

    Pictures of them then look more like their photos.

    \b
      studio finetune rex red-hat
      studio finetune --all --steps 800 --plan
      studio finetune rex --config portrait.toml
      studio finetune mug --from 3
      studio finetune --rebuild 3 --without rex
    """
    from cli.screen.interrupt import Interrupt
    from lambda_studio import FinetuneConfig

    require_one_way(names, everything, resume, plan, rebuild, without, start_from)
    with session.studio() as studio, Interrupt() as interrupted:
        of_file = FinetuneConfig.from_toml(config, spellings(command)) if config else FinetuneConfig()
        session.in_file, session.config_file = of_file.given - given(**settings).keys(), config
        wanted, chosen = None if everything else names, replace(of_file, **given(**settings))
        if rebuild:
            recipe = studio.adapters.recipe(rebuild, without=without, config=chosen)
            wanted, chosen = recipe.names, recipe.config
        if plan:
            planned = studio.plan_finetune(wanted, chosen, start_from=start_from)
            nothing = "Nothing was trained. To train, leave out --plan."
            options = option_names(session.command)
            told = (with_values(line, options) for line in plan_lines(planned, start_from))
            session.show(planned, lambda: [*told, nothing])
            return 0
        done = studio.finetune(
            wanted, chosen, start_from=start_from, resume=resume, should_stop=interrupted, evaluate=evaluate
        )
        stopped = resume_line(studio.runs.get(done.run_id)) if done.adapter is None else ""

    def lines() -> list[str]:
        steps = counted(done.steps, "step")
        if done.adapter is None:
            return [f"Stopped after step {done.steps}. {stopped}"]
        return [
            f"Adapter {done.adapter.id} knows {', '.join(done.adapter.knows)} ({steps} of {done.stack}).",
            *end_lines(done.steps, done.planned_steps or done.steps, done.kept),
            *score_lines(done.scores, done.kept),
            *best_lines(done.scores, done.kept),
            *(evaluation_lines(done.evaluation) if done.evaluation else []),
            *size_lines(done.adapter),
            f"Loss curve: {done.loss_plot}",
            *([f"Previews: {done.previews}"] if done.previews else []),
            *([f"Report: {done.report}"] if done.report else []),
            *([tensorboard_line(done.tensorboard)] if done.tensorboard else []),
            use_line(done.concepts),
        ]

    session.show(done, lines)
    return interrupted.exit_code if done.adapter is None else 0


set_by_environment(command, but=("everything", "resume", "plan", "start_from", "rebuild", "yes"))


def use_line(names: Sequence[str]) -> str:
    """Return the command that draws the concepts that were trained, two of them if there are several."""
    return f'Use it: studio generate "{" and ".join(f"a <{name}>" for name in names[:2])} …"'


def tensorboard_line(folder: Path) -> str:
    """Return where TensorBoard's files of a run are, and the command that shows those of all runs."""
    return f"TensorBoard: {folder}. See all runs: tensorboard --logdir {shlex.quote(str(folder.parent.parent))}"


def require_one_way(
    names: tuple[str, ...], everything: bool, resume: bool, plan: bool, rebuild: str | None, without: tuple[str, ...],
    start_from: str | None,
) -> None:  # fmt: skip
    """Raise UsageError for options that contradict each other, and for too few."""
    if rebuild and (names or everything or resume or start_from):
        raise click.UsageError("--rebuild takes the concepts of the adapter: leave out names, --all, --resume, --from.")
    if without and not rebuild:
        raise click.UsageError("--without belongs to --rebuild: it names concepts of that adapter.")
    if resume and (plan or start_from):
        new = " and ".join(["--plan"] * plan + ["--from"] * bool(start_from))
        raise click.UsageError(f"Only a new run takes {new}: leave out {new}, or --resume.")
    if not rebuild and everything == bool(names) and not (resume and not everything):
        more = f"Name what adapter {start_from} shall learn: new concepts, or some that it knows. It keeps the others."
        none = more if start_from else "Name concepts, or give --all."
        raise click.UsageError("Give names or --all, not both." if names else none)
