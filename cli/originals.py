"""studio concepts originals: files that were kept as they were given."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.commands import StudioCommand
from cli.session import Session, pass_session
from cli.tables import counted

if TYPE_CHECKING:
    from lambda_studio.studio import ConceptRecord

keep_original_option = click.option(
    "--keep-original",
    is_flag=True,
    help="Keep the files too, byte for byte, with all their metadata: the place and time of a photo, if they tell.",
)


@click.command("originals", cls=StudioCommand)
@click.argument("name")
@click.argument("folder", type=click.Path(path_type=Path))
@pass_session
def originals(session: Session, name: str, folder: Path) -> None:
    """Write the files that --keep-original kept, byte for byte with their metadata, into a new folder."""
    with session.studio() as studio:
        given = studio.concepts.write_originals(name, folder)
    session.show(given, lambda: [str(given.folder / file) for file in given.files])


def count_originals(concept: "ConceptRecord") -> int:
    """Of how many of its images the file was kept."""
    return sum(image.original_sha is not None for image in concept.images)


def kept_originals(concept: "ConceptRecord") -> list[str]:
    """How many files were kept of a concept's images; nothing where none was."""
    kept = count_originals(concept)
    told = f"{counted(kept, 'original')} kept, with metadata. Get them: studio concepts originals {concept.name} FOLDER"
    return [told] if kept else []
