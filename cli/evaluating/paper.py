"""studio evaluate paper CLAIM..."""

from pathlib import Path

import click

from cli.commands import StudioCommand
from cli.session import Session, pass_session


@click.command("paper", cls=StudioCommand)
@click.argument("claims", nargs=-1, required=True, metavar="CLAIM...|all")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("evaluations/paper"),
    show_default=True,
    help="Folder for the pages. Seeds that it has are not measured again; other settings are refused.",
)
@click.option("--seeds", type=int, default=3, show_default=True, help="How many seeds to measure.")
@click.option("--pictures", type=int, default=24, show_default=True, help="How many subjects or pictures of each seed.")
@pass_session
def paper(session: Session, claims: tuple[str, ...], out: Path, seeds: int, pictures: int) -> None:
    """Measure claims of the λ-ECLIPSE paper on the miniature.

    CLAIM is table-1, table-2, table-4 to table-7, table-10 to table-13, figure-3, figure-5, figure-7 or
    thirty-subjects. Each gets a page with a table, a chart, and whether it agrees with the paper. One seed decides
    nothing. Tables 1 and 7 are counts, and draw nothing. Table 10 trains decoders, tables 6 and 11 to 13 priors, and
    table-2, figure-5 and thirty-subjects fine-tune: each takes half an hour to an hour and a half of one core, and
    `all` seven hours. The others take minutes. Stopped work goes on: seeds that were measured, and priors and decoders
    that were trained, are kept, also for other tables.

    \b
      studio evaluate paper table-4
      studio evaluate paper all --seeds 5
    """
    from cli.screen.progress import bars
    from lambda_studio.miniature.paper.running import run_claims

    keys = [] if "all" in claims else list(dict.fromkeys(claims))
    found = run_claims(keys, out, seeds, pictures, bars())

    def lines() -> list[str]:
        told = []
        for each in found:
            told += [f"{each.key}: {each.title}: {each.verdict}", *(f"  {said}" for said in each.checked)]
            if each.counted:
                rows = (
                    (way, ", ".join(f"{name} {cell}" for name, cell in row.items())) for way, row in each.table.items()
                )
                told += [f"  {way}: {said}" for way, said in rows]
                told += [f"  ({name}: {what})" for name, what in each.columns.items()]
            told.append(f"  {each.text}")
        return told

    session.show(found, lines)
