"""studio library export"""

from pathlib import Path

import click

from cli.commands import StudioCommand
from cli.session import Session, pass_session
from cli.texts.tables import counted


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
