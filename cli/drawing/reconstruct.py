"""studio reconstruct IMAGE|NAME"""

from pathlib import Path
from typing import Any

import click

from cli.commands import StudioCommand, download_option, hardware_options
from cli.options.aliases import Aliased
from cli.options.drawing import metadata_option, out_option, picture_options
from cli.session import Session, given, pass_session


@click.command("reconstruct", cls=StudioCommand)
@click.argument("source", metavar="IMAGE|NAME")
@click.option(
    "-n",
    "--number",
    "count",
    cls=Aliased,
    aliases=("--num-images-per-prompt",),
    type=int,
    default=4,
    show_default=True,
    help="How many pictures to draw.",
)
@click.option("--edges", is_flag=True, help="Draw the embedding of the picture's edges.")
@picture_options
@click.option(
    "--adapter", "adapters", multiple=True, metavar="none|ID[:SCALE]", help="The adapter to use.  [default: none]"
)
@metadata_option
@out_option
@hardware_options
@download_option
@pass_session
def command(
    session: Session,
    source: str,
    count: int,
    edges: bool,
    adapters: tuple[str, ...],
    out: Path,
    size: dict[str, Any] | None,
    **settings: Any,
) -> None:
    """Draw what an embedding keeps of a picture or concept.

    The decoder draws CLIP's embedding itself, without a prompt.

    \b
      studio reconstruct photo.jpg
      studio reconstruct rex -n 4
    """
    from lambda_studio import GenerateConfig

    config = GenerateConfig(**given(**settings), **(size or {}))
    with session.studio() as studio:
        found = studio.pictures.reconstruct(
            source, config, count=count, edges=edges, adapter=adapters or "none", out=out
        )
    session.show(found, lambda: [*(str(each.path) for each in found.pictures), f"Sheet: {found.sheet}"])
