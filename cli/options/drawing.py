"""Options of commands that draw pictures."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from cli.options.aliases import Aliased


class Seed(click.ParamType):
    """A whole number, or the word `random`."""

    name = "INTEGER|random"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        """Return the number, or None for a new seed."""
        if value == "random":
            return None
        number: int = click.INT.convert(value, param, ctx)
        return number


SEED = Seed()


class PictureSize(click.ParamType):
    """A width and a height, as 768x512."""

    name = "WxH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, int]:
        """Return the width and the height by these names."""
        read = re.fullmatch(r"([0-9]{1,9})[xX×]([0-9]{1,9})", value)
        if read is None:
            self.fail(f"{value[:40]!r} is no size. Give width and height in pixels, as 768x512.", param, ctx)
        return {"width": int(read[1]), "height": int(read[2])}


class Sampler(click.Choice[str]):
    """A sampler's name, or the name of a scheduler's class in diffusers, which the settings check."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name. Raises BadParameter."""
        return value if str(value).endswith("Scheduler") else super().convert(value, param, ctx)


SAMPLING: tuple[Callable[..., Any], ...] = (
    click.option(
        "--steps",
        "num_inference_steps",
        cls=Aliased,
        aliases=("--num-inference-steps",),
        type=int,
        help="How many denoising steps to run.  [default: 50]",
    ),
    click.option(
        "--sampler",
        cls=Aliased,
        aliases=("--scheduler",),
        type=Sampler(["ddim", "ddpm", "dpm++2m", "unipc", "euler", "lcm"]),
        help="The way from noise to a picture, also by its class in diffusers (DDIMScheduler).  [default: ddim]",
    ),
    click.option(
        "--guidance",
        "guidance_scale",
        cls=Aliased,
        aliases=("--guidance-scale",),
        type=float,
        help="How closely to follow the prompt; 1 switches guidance off.  [default: the stack's, else 7.5]",
    ),
)
"""The options of how a picture is denoised."""


def picture_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of how pictures are drawn."""
    options = (
        click.option(
            "--seed",
            type=SEED,
            help="Seed of the first picture.  [default: a new one, printed]",
        ),
        *SAMPLING,
        click.option(
            "--deep-cache",
            "deep_cache_interval",
            cls=Aliased,
            aliases=("--deep-cache-interval",),
            type=int,
            help="Run the whole UNet only in every so many steps: faster, nearly the same pictures.  [default: 1]",
        ),
        click.option("--resolution", type=int, help="Pixels on a side of square pictures.  [default: the stack's]"),
        click.option(
            "--size",
            type=PictureSize(),
            metavar="WxH",
            help="Width and height, as 768x512.  [default: a square]",
        ),
        click.option(
            "--batch-size", type=int, help="At most so many pictures at once; fewer if the GPU is small.  [default: 8]"
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def prompt_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of what is drawn beside a prompt's own words."""
    references = click.option(
        "--references",
        type=click.Choice(["mean", "nearest", "each"]),
        help="Draw the mean of a concept's images, the one nearest to the mean, or each in turn.  [default: mean]",
    )
    negative = click.option("--negative-prompt", help="Guide pictures away from this.  [default: from no picture]")
    return negative(references(command))


GIVEN: tuple[Callable[..., Any], ...] = (
    click.option(
        "--edges",
        type=click.Path(path_type=Path),
        metavar="IMAGE",
        help="Follow the edges of this picture.  [default: no edges]",
    ),
    click.option(
        "--edges-low", type=int, help="With --edges: Canny's lower threshold.  [default: the stack's, else 100]"
    ),
    click.option(
        "--edges-high", type=int, help="With --edges: Canny's upper threshold.  [default: the stack's, else 200]"
    ),
    click.option("--save-edges", is_flag=True, default=None, help="With --edges: also write the map of the edges."),
    click.option(
        "--from-image",
        type=click.Path(path_type=Path),
        metavar="PHOTO",
        help="Begin with this photograph and noise, in place of noise alone.",
    ),
    click.option(
        "--strength",
        type=float,
        help="With --from-image: how much noise it gets, up to 1, at which little of it is left.  "
        "[default: 0.5; 1 with --mask]",
    ),
    click.option(
        "--mask",
        type=click.Path(path_type=Path),
        metavar="MASK",
        help="With --from-image: draw anew what is white in this picture; the photograph keeps its pixels where it is "
        "black.",
    ),
    click.option(
        "--depth",
        type=click.Path(path_type=Path),
        metavar="IMAGE",
        help="Follow this depth map (light is near), with a stack whose decoder is a ControlNet.",
    ),
)
"""The picture files that a drawing is given, and their settings."""


def given_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the picture files that a drawing is given."""
    for option in reversed(GIVEN):
        command = option(command)
    return command


metadata_option = click.option(
    "--metadata/--no-metadata", default=None, help="Write into each picture what it was drawn from.  [default: yes]"
)
out_option = click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("outputs"),
    show_default=True,
    help="Folder for the pictures.",
)
