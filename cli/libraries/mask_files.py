"""studio concepts masks NAME FOLDER"""

import shlex
from pathlib import Path

import click

from cli.commands import StudioCommand
from cli.session import Session, pass_session


@click.command("masks", cls=StudioCommand)
@click.argument("name")
@click.argument("folder", type=click.Path(path_type=Path))
@pass_session
def masks(session: Session, name: str, folder: Path) -> None:
    """Write a concept's images and masks into a new folder.

    Each image is written as it is stored, and its mask beside it: white is the subject. Edit a mask in a paint program,
    then give it back:

    \b
      studio concepts edit NAME --mask 1=FOLDER/1-photo.mask.png
    """
    with session.studio() as studio:
        written = studio.concepts.write_masks(name, folder)
    files = [str(written.folder / file) for file in written.masks]
    back = f"studio concepts edit {shlex.quote(written.name)} --mask {shlex.quote(f'1={files[0]}')}"
    session.show(written, lambda: [*files, f"Edit a mask, then give it back: {back}"])
