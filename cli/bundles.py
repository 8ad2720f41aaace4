"""studio library [export|import]"""

from pathlib import Path

import click

from cli.commands import StudioCommand
from cli.session import Session, pass_session
from cli.tables import counted, table


@click.command("export", cls=StudioCommand)
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE.zip", help="The bundle to write.")
@click.option("--without-pictures", is_flag=True, help="Only what prompts need: names, nouns and embeddings.")
@pass_session
def export(session: Session, names: tuple[str, ...], out: Path, without_pictures: bool) -> None:
    """Write concepts of the library (all, or the named ones) into a bundle that others can import.

    \b
      studio library export rex --out rex.zip
    """
    with session.studio() as studio:
        exported = studio.export(names, out, pictures=not without_pictures)

    def lines() -> list[str]:
        what = counted(len(exported.concepts), "concept") + ("" if exported.pictures else ", without pictures")
        return [f"Exported {what}: {', '.join(exported.concepts)}.", f"{exported.path} ({exported.size:,} bytes)"]

    session.show(exported, lines)


@click.command("import", cls=StudioCommand)
@click.argument("source", type=click.Path(path_type=Path), metavar="FILE_OR_FOLDER")
@click.option(
    "--on-conflict",
    type=click.Choice(["fail", "rename", "skip"]),
    default="fail",
    show_default=True,
    help="What to do with a name that has other content here.",
)
@pass_session
def importing(session: Session, source: Path, on_conflict: str) -> None:
    """Take in a bundle, or a folder of pictures: all that is in it, or, where anything is wrong, nothing.

    The folder may hold one for each subject (DreamBench's and kohya's names are understood), or Custom Diffusion's
    concepts_list.json.
    """
    with session.studio() as studio:
        imported = studio.import_concepts(source, on_conflict=on_conflict)

    def lines() -> list[str]:
        rows = [
            (each.name, each.noun, each.state + (f" (it came as {each.came_as})" if each.name != each.came_as else ""))
            for each in imported.concepts
        ]
        notes = [f"Note: {each.name}: {note}" for each in imported.concepts for note in each.notes]
        return [*notes, *table(("NAME", "NOUN", f"IN LIBRARY {imported.library}"), rows)]

    session.show(imported, lines)
