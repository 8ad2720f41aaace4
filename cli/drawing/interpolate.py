"""studio interpolate PROMPT PROMPT [PROMPT PROMPT]"""

from pathlib import Path
from typing import Any

import click

from cli.commands import StudioCommand, download_option, hardware_options
from cli.options.drawing import metadata_option, out_option, picture_options
from cli.screen.terminal import notice
from cli.session import Session, given, pass_session


@click.command("interpolate", cls=StudioCommand)
@click.argument("prompts", nargs=-1, required=True, metavar="PROMPT...")
@click.option("--frames", type=int, default=9, show_default=True, help="Pictures of a line, or of a square's row.")
@click.option("--linear/--spherical", default=True, help="The way between embeddings.  [default: linear]")
@click.option(
    "--animate",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Also write a .webp, .gif or .mp4.",
)
@click.option("--seconds", type=float, default=3.0, show_default=True, help="How long one way of the animation takes.")
@picture_options
@click.option(
    "--adapter", "adapters", multiple=True, metavar="auto|none|ID[:SCALE]", help="As of generate.  [default: auto]"
)
@metadata_option
@out_option
@hardware_options
@download_option
@pass_session
def command(
    session: Session,
    prompts: tuple[str, ...],
    frames: int,
    linear: bool,
    animate: Path | None,
    seconds: float,
    adapters: tuple[str, ...],
    out: Path,
    size: dict[str, Any] | None,
    **settings: Any,
) -> None:
    """Draw the way between two or four prompts.

    Two prompts are the ends of a line, four the corners of a square. All pictures have one noise.

    \b
      studio interpolate "a <rex> on the beach" "a <max> on the beach" --animate rex-to-max.webp
      studio interpolate "a <rex> in snow" "a <max> in snow" "a <rex> in a city" "a <max> in a city" --frames 4
    """
    from lambda_studio import GenerateConfig

    config = GenerateConfig(**given(**settings), **(size or {}))
    with session.studio() as studio:
        if animate:
            studio.pictures.require_animation(animate, seconds)
        found = studio.pictures.interpolate(
            prompts, config, frames=frames, spherical=not linear, adapter=adapters or "auto", out=out
        )
        if animate:
            found = studio.pictures.animate(found, animate, seconds)
    moving = [f"Animation: {found.animation}"] if found.animation else []
    session.show(found, lambda: [*map(str, found.pictures), f"Sheet: {found.sheet}", *moving])
    if not session.json and frames > 2:
        notice(f"Evenness {found.evenness:.2f}: the mean over the largest change between neighbours.")
