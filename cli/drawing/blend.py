"""studio blend NAME:WEIGHT..."""

from typing import TYPE_CHECKING

import click

from cli.arguments import Weighted
from cli.commands import StudioCommand, download_option, hardware_options
from cli.screen.spelling import option_names, with_values
from cli.session import Session, pass_session

if TYPE_CHECKING:
    from lambda_studio.studio import Added

name_option = click.option("--name", required=True, help="The name of the new concept.")
noun_option = click.option("--noun", help="Its kind of thing.  [default: that of the concept with the largest weight]")


@click.command("blend", cls=StudioCommand)
@click.argument("parts", nargs=-1, required=True, type=Weighted(), metavar="NAME[:WEIGHT]...")
@name_option
@noun_option
@hardware_options
@download_option
@pass_session
def command(session: Session, parts: tuple[tuple[str, float | None], ...], name: str, noun: str | None) -> None:
    """Make a concept that is the weighted mean of others.

    Weights are divided by their sum; without one, it is 1. The new concept has no pictures: it can be drawn and
    exported, but not fine-tuned.

    \b
      studio blend rex:0.7 fido:0.3 --name rexido
      studio generate "a <rexido> on the beach"
    """
    with session.studio() as studio:
        added = studio.concepts.blend(name, once(parts, 1.0), noun=noun)
    session.show(added, lambda: made(session, added))


def once(parts: tuple[tuple[str, float | None], ...], default: float) -> dict[str, float]:
    """Return the weight of each name. Raises UsageError for a name that is given twice."""
    weights = {name: default if weight is None else weight for name, weight in parts}
    if len(weights) < len(parts):
        twice = next(name for name in weights if [each for each, _ in parts].count(name) > 1)
        raise click.UsageError(f"{twice!r} is named twice. Give each concept once, with one weight.")
    return weights


def made(session: Session, added: "Added") -> list[str]:
    """Return the lines that report a blend, with settings as the command's options."""
    concept, options = added.concept, option_names(session.command)
    head = "Made" if added.created else "Already there:"
    what = f"{concept.name} ({concept.noun}) in library {concept.library}: {concept.images[0].source_name}."
    return [*(f"Note: {with_values(warning, options)}" for warning in added.warnings), f"{head} {what}"]
