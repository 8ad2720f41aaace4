"""studio concepts originals NAME FOLDER"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.commands import StudioCommand
from cli.session import Session, pass_session
from cli.texts.tables import counted

if TYPE_CHECKING:
    from lambda_studio.studio import ConceptRecord

keep_original_option = click.option(
    "--keep-original",
    is_flag=True,
    help="Also keep the original files, byte for byte, with their metadata, such as the location and time of a photo.",
)


@click.command("originals", cls=StudioCommand)
@click.argument("name")
@click.argument("folder", type=click.Path(path_type=Path))
@pass_session
def originals(session: Session, name: str, folder: Path) -> None:
    """Write the kept original files into a new folder.

    They are the files that --keep-original kept, byte for byte, with their metadata.
    """
    with session.studio() as studio:
        given = studio.concepts.write_originals(name, folder)
    session.show(given, lambda: [str(given.folder / file) for file in given.files])


def count_originals(concept: "ConceptRecord") -> int:
    """Return how many of the concept's images have a kept original."""
    return sum(image.original_sha is not None for image in concept.images)


def kept_originals(concept: "ConceptRecord") -> list[str]:
    """Return a line with the number of the concept's kept originals, or no line."""
    kept = count_originals(concept)
    told = f"{counted(kept, 'original')} kept, with metadata. Get them: studio concepts originals {concept.name} FOLDER"
    return [told] if kept else []
