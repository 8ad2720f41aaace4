"""studio subtract NAME PART[:WEIGHT]..."""

import click

from cli.arguments import Weighted
from cli.commands import StudioCommand, download_option, hardware_options
from cli.drawing.blend import made, name_option, noun_option, once
from cli.session import Session, pass_session

TAKEN_OUT = 0.2
"""The default weight, beside 1 for the whole: more costs much of the likeness (decision 0059)."""


@click.command("subtract", cls=StudioCommand)
@click.argument("whole", type=Weighted(), metavar="NAME")
@click.argument("parts", nargs=-1, required=True, type=Weighted(), metavar="PART[:WEIGHT]...")
@name_option
@noun_option
@hardware_options
@download_option
@pass_session
def command(
    session: Session,
    whole: tuple[str, float | None],
    parts: tuple[tuple[str, float | None], ...],
    name: str,
    noun: str | None,
) -> None:
    """Make a concept of another one, with a part taken out.

    It is the blend NAME:1 PART:-WEIGHT. The weight is 0.2 if none is given; more costs much of the likeness.

    \b
      studio subtract rex red-hat --name rex-bare
      studio subtract rex red-hat:0.3 --name rex-bare
    """
    taken = {part: -weight for part, weight in once(parts, TAKEN_OUT).items()}
    if wrong := next((part for part, weight in taken.items() if weight >= 0), None):
        raise click.UsageError(f"The weight of {wrong!r} is not above 0. What is added: studio blend")
    kept, weight = whole
    if weight is not None:
        raise click.UsageError(f"The weight of {kept!r} is always 1. Leave out :{weight:g}.")
    if kept in taken:
        raise click.UsageError(f"{kept!r} is taken out of itself.")
    with session.studio() as studio:
        added = studio.concepts.blend(name, {kept: 1.0, **taken}, noun=noun)
    session.show(added, lambda: made(session, added))
