"""Options of benchmarks of subjects."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from cli.options.drawing import SAMPLING


class Names(click.ParamType):
    """Names or numbers, separated by commas."""

    name = "a,b"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Return the names without spaces and empty ones."""
        if not isinstance(value, str):
            return tuple(value)  # click converts a value that was converted
        return tuple(each.strip() for each in value.split(",") if each.strip())


NAMES = Names()


def benchmark_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of what is drawn and scored."""
    options = (
        click.option("--pictures", type=int, help="Pictures of each prompt.  [default: 4]"),
        click.option("--subjects", type=NAMES, metavar="A,B", help="Only these subjects.  [default: all]"),
        click.option(
            "--prompts",
            type=NAMES,
            metavar="1-5,8",
            help="Only these prompts, from 1 (multibench: compositions).  [default: all]",
        ),
        click.option(
            "--references",
            type=click.Choice(["all", "one"]),
            help="Compare with all photographs of a subject, or with one.  [default: all]",
        ),
        click.option(
            "--drawn-from",
            type=click.Choice(["all", "one"]),
            help="Draw from all photographs, or from one.  [default: as --references]",
        ),
        click.option(
            "--dino",
            type=click.Choice(["auto", "none", "dino-vits16", "dino-vits8", "dinov2-vits14"]),
            help="Measure likeness by this DINO. auto: dino-vits16 if it is on this machine.  [default: auto]",
        ),
        click.option(
            "--clip",
            type=click.Choice(["stack", "b32", "l14"]),
            help="CLIP-I and CLIP-T by the stack's CLIP, ViT-B/32 or ViT-L/14.  [default: stack]",
        ),
        click.option(
            "--weights",
            multiple=True,
            metavar="NAME=FOLDER",
            callback=lambda ctx, param, places: places or None,
            help="Where the weights of dino-vits16, clip-b32 and so on are. Repeat it for more.",
        ),
        click.option(
            "--segment",
            type=click.Choice(["auto", "alpha", "salient", "grabcut", "grounded", "none"]),
            help="How subjects are found in photographs, as add-concept does.  [default: auto]",
        ),
        click.option("--adapter", metavar="ID[:SCALE]", help="Draw with this adapter.  [default: none]"),
        click.option(
            "--score-only",
            type=click.Path(path_type=Path),
            metavar="FOLDER",
            help="Draw nothing, and score the pictures in this folder, which may be another program's.",
        ),
        *SAMPLING,
        click.option("--resolution", type=int, help="Pixels on a side.  [default: the stack's]"),
        click.option("--batch-size", type=int, help="At most so many pictures at once.  [default: 8]"),
        click.option("--seed", type=int, help="The seed of all pictures.  [default: 0]"),
    )
    for option in reversed(options):
        command = option(command)
    return command


DRAWING = ("num_inference_steps", "sampler", "guidance_scale", "resolution", "batch_size", "seed")
"""The options of how pictures are drawn."""


def out_option(default: str) -> Callable[..., Any]:
    """Return the option of the evaluation's folder."""
    return click.option(
        "--out",
        type=click.Path(path_type=Path),
        default=Path(default),
        show_default=True,
        help="Folder of the evaluation. If it has a part of the same one, that is resumed.",
    )
