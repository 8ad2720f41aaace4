"""studio library [export|import]"""

from pathlib import Path

import click

from cli.commands import StudioCommand
from cli.session import Session, pass_session
from cli.tables import counted, table


@click.command("export", cls=StudioCommand)
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE.zip", help="The bundle to write.")
@click.option("--without-pictures", is_flag=True, help="Write only names, nouns and embeddings. Prompts need no more.")
@click.option(
    "--sign",
    type=click.Path(path_type=Path),
    metavar="KEY",
    help="Sign it with this OpenSSH Ed25519 key.  [default: not signed]",
)
@pass_session
def export(session: Session, names: tuple[str, ...], out: Path, without_pictures: bool, sign: Path | None) -> None:
    """Write concepts into a bundle that others can import.

    Without names, it takes all concepts of the library. Kept originals are not exported.

    \b
      studio library export rex --out rex.zip

    This command makes a signing key, and FILE.pub for the importers:

    \b
      ssh-keygen -t ed25519 -N '' -f FILE
    """
    with session.studio() as studio:
        exported = studio.libraries.export(names, out, pictures=not without_pictures, sign_with=sign)

    def lines() -> list[str]:
        what = counted(len(exported.concepts), "concept") + ("" if exported.pictures else ", without pictures")
        signed = [f"Signed by {exported.signed_by}."] if exported.signed_by else []
        told = [f"Exported {what}: {', '.join(exported.concepts)}.", f"{exported.path} ({exported.size:,} bytes)"]
        originals = counted(exported.originals_left_out, "original")
        left = [f"Not exported: {originals} (kept files with their metadata)."] if exported.originals_left_out else []
        return told + left + signed

    session.show(exported, lines)


@click.command("import", cls=StudioCommand)
@click.argument("source", type=click.Path(path_type=Path), metavar="FILE_OR_FOLDER")
@click.option(
    "--on-conflict",
    type=click.Choice(["fail", "rename", "skip"]),
    default="fail",
    show_default=True,
    help="What to do with a name that has different content in the library.",
)
@click.option(
    "--trusted-key",
    "trusted_keys",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE.pub",
    help="Refuse the bundle unless the owner of this public key signed it. Repeat it for each person whom you trust.  "
    "[default: not checked]",
)
@pass_session
def importing(session: Session, source: Path, on_conflict: str, trusted_keys: tuple[Path, ...]) -> None:
    """Import a bundle or a folder of pictures.

    All of its concepts are imported, or none if there is a fault.

    The folder has one subfolder for each subject, also with DreamBench's or kohya's names, or Custom Diffusion's
    concepts_list.json.
    """
    with session.studio() as studio:
        imported = studio.libraries.import_(source, on_conflict=on_conflict, trusted_keys=trusted_keys)

    def lines() -> list[str]:
        rows = [
            (
                each.name,
                each.noun,
                each.state + (f" (named {each.came_as} in the source)" if each.name != each.came_as else ""),
            )
            for each in imported.concepts
        ]
        notes = [f"Note: {each.name}: {note}" for each in imported.concepts for note in each.notes]
        if imported.signed_by:
            state = (
                "which is trusted" if imported.verified else "which was not checked; to check it, give --trusted-key"
            )
            notes.append(f"Note: signed by {imported.signed_by}, {state}.")
        return [*notes, *table(("NAME", "NOUN", f"IN LIBRARY {imported.library}"), rows)]

    session.show(imported, lines)
