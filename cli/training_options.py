"""Options of fine-tuning, by what they are about."""

from typing import Any

import click

from cli.aliases import Aliased

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
            "--dora",
            "--use-dora",
            "use_dora",
            is_flag=True,
            default=None,
            help="Learn the lengths of the weights' rows apart from their directions (DoRA): slower.",
        ),
        click.option(
            "--rslora",
            "--use-rslora",
            "use_rslora",
            is_flag=True,
            default=None,
            help="Scale the updates by alpha / sqrt(rank) (rsLoRA).",
        ),
        click.option(
            "--targets",
            type=click.Choice(TARGETS),
            help="The layers of a LoRA; image: where the image embedding enters.  [default: attention]",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command
