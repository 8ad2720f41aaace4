"""Options of fine-tuning, by what they are about."""

from collections.abc import Callable, Sequence
from typing import Any

import click

from cli.options.aliases import Aliased

TARGETS = ["attention", "attention-and-convolutions", "image"]


def lora_options(command: Any) -> Any:
    """Add the options for the shape of a LoRA."""
    options = (
        click.option(
            "--rank",
            cls=Aliased,
            aliases=("--lora-rank",),
            type=int,
            help="The rank of the LoRA updates.  [default: the stack's, else 16]",
        ),
        click.option(
            "--lora-alpha", type=float, help="The updates are scaled by this number / rank.  [default: the rank]"
        ),
        click.option(
            "--lora-dropout", type=float, help="The share of an update's inputs that a step leaves out.  [default: 0]"
        ),
        click.option(
            "--dora/--no-dora",
            "--use-dora",
            "use_dora",
            default=None,
            help="Learn the lengths of the weights' rows apart from their directions (DoRA): slower.",
        ),
        click.option(
            "--rslora/--no-rslora",
            "--use-rslora",
            "use_rslora",
            default=None,
            help="Scale the updates by alpha / sqrt(rank) (rsLoRA).",
        ),
        click.option(
            "--targets",
            type=click.Choice(TARGETS),
            help="Layers of a LoRA; image: where the image embedding enters.  [default: the stack's, else attention]",
        ),
    )
    return _added(command, options)


def loss_options(command: Any) -> Any:
    """Add the options for the weights of the error."""
    options = (
        click.option(
            "--snr-gamma",
            type=float,
            help="Weight each timestep by min(SNR, gamma) / SNR (min-SNR), usually 5.  [default: all alike]",
        ),
        click.option(
            "--soft-min-snr/--no-soft-min-snr",
            default=None,
            help="With --snr-gamma: weight by gamma / (SNR + gamma), which falls smoothly.",
        ),
        click.option(
            "--masked-loss/--no-masked-loss",
            default=None,
            help="Weight the error by the subject's mask in each picture.",
        ),
        click.option(
            "--background-weight", type=float, help="With --masked-loss: the background's weight.  [default: 0.1]"
        ),
        click.option(
            "--timestep-sampling",
            type=click.Choice(["uniform", "logit-normal"]),
            help="Draw all timesteps alike, or the middle ones more often.  [default: uniform]",
        ),
    )
    return _added(command, options)


def crop_options(command: Any) -> Any:
    """Add the options for the parts of the pictures that are learnt."""
    options = (
        click.option("--resolution", type=int, help="Pixels on a side of the training crops.  [default: the stack's]"),
        click.option(
            "--variants",
            type=int,
            help="Crops of each picture: its largest square with the subject, and others around it.  [default: 1]",
        ),
        click.option(
            "--aspect-ratio-buckets/--no-aspect-ratio-buckets",
            "--enable-bucket",
            "aspect_ratio_buckets",
            default=None,
            help="Learn each picture in its own shape, up to 2:1, in place of a square.",
        ),
        click.option(
            "--random-flip/--no-random-flip",
            default=None,
            help="Learn mirror images too. Marks and lettering lose their left and right; with --conditions paper, so "
            "do all asymmetric subjects.  [default: the stack's, else no]",
        ),
    )
    return _added(command, options)


def score_options(command: Any) -> Any:
    """Add the options that score previews, and what follows from the scores."""
    options = (
        click.option(
            "--holdout",
            type=int,
            metavar="NUMBER",
            help="Hold so many images of each concept back, and score each preview against them.  [default: 0]",
        ),
        click.option(
            "--keep",
            type=click.Choice(["last", "best"]),
            help="The weights of the adapter: the last ones, or those of the preview with the best score.  "
            "[default: last]",
        ),
        click.option(
            "--patience",
            type=int,
            metavar="PREVIEWS",
            help="End after so many previews without a better score; 0 never does.  [default: 0]",
        ),
        click.option(
            "--ease-off/--no-ease-off",
            default=None,
            help="With --patience: draw a concept that is done a fifth as often, and end with the last one.",
        ),
    )
    return _added(command, options)


def _added(command: Any, options: Sequence[Callable[[Any], Any]]) -> Any:
    for option in reversed(options):
        command = option(command)
    return command


def adapter_options(command: Any) -> Any:
    """Add the options that begin with an earlier adapter, and the concepts' weights."""
    options = (
        click.option(
            "--weight",
            "weights",
            multiple=True,
            metavar="NAME=NUMBER",
            callback=weights_by_name,
            help="Draw a concept so much more often than others, e.g. rex=2. Repeat it for more.  [default: 1]",
        ),
        click.option(
            "--from",
            "start_from",
            metavar="ID",
            help="Begin with an adapter, and train it on the named concepts beside all that it knows.",
        ),
        click.option(
            "--rebuild", metavar="ID", help="Train an adapter again from the beginning, with its concepts and settings."
        ),
        click.option(
            "--without", multiple=True, metavar="NAME", help="Leave a concept out of --rebuild. Repeat it for more."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def weights_by_name(ctx: click.Context, param: click.Parameter, texts: tuple[str, ...]) -> dict[str, float] | None:
    """Return the weights of `NAME=NUMBER` texts by name; None if there are none."""
    weights = {}
    for text in texts:
        name, _, number = text.rpartition("=")
        try:
            weights[name.strip()] = float(number)
        except ValueError:
            name = ""
        if not name.strip():
            raise click.BadParameter(f"{text!r} is not NAME=NUMBER, for example rex=2", ctx, param)
    return weights or None
