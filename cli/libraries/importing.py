"""studio library import"""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.commands import StudioCommand
from cli.screen.spelling import option_names, with_values
from cli.screen.terminal import say
from cli.session import Session, pass_session
from cli.texts.plans import fault_lines, guess_lines, left_aside_lines, subject_lines, taken_lines
from cli.texts.tables import counted, table

if TYPE_CHECKING:
    from lambda_studio.studio import Imported, Plan


@click.command("import", cls=StudioCommand)
@click.argument("source", type=click.Path(path_type=Path), metavar="SOURCE")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Only show what would be imported from pictures, and what would not. The exit code is the import's.",
)
@click.option("--leave-out", is_flag=True, help="Name pictures that cannot be used, leave them out, import the rest.")
@click.option(
    "--noun",
    "nouns",
    multiple=True,
    metavar="NAME=NOUN",
    help="The noun of a subject, instead of what its folder or list says. Repeat it for more.",
)
@click.option(
    "--write-table",
    type=click.Path(path_type=Path),
    metavar="FILE.csv",
    help="Only write the plan as a table of pictures (.csv or .json), to be edited and given back with --table.",
)
@click.option(
    "--table",
    "table",
    type=click.Path(path_type=Path),
    metavar="FILE.csv",
    help="Import as this table says: name, noun and mask of each picture.",
)
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
def importing(session: Session, source: Path, nouns: tuple[str, ...], **options: Any) -> None:
    """Import a bundle, or pictures of several subjects.

    All of its concepts are imported, or none if there is a fault.

    Pictures come in a folder with a subfolder for each subject, with a list like concepts_list.json, or in a ZIP file
    of either. See first what would be imported:

    \b
      studio library import pictures --dry-run
    """
    dry_run, out = options.pop("dry_run"), options.pop("write_table")
    choices = {"leave_out": options["leave_out"], "table": options["table"], "nouns": _by_name(nouns)}
    skips = options["on_conflict"] == "skip"
    with session.studio() as studio:
        if out:
            plan = studio.libraries.write_plan(source, out, on_conflict=options["on_conflict"], **choices)
        elif dry_run:
            plan = studio.libraries.plan(source, on_conflict=options["on_conflict"], **choices)
        else:
            imported = studio.libraries.import_(source, on_plan=_teller(session, skips), **{**options, **choices})
    if not (dry_run or out):
        session.show(imported, lambda: _imported_lines(imported, skips))
        return
    wrote = [f"Wrote {out}. Edit it, then: {_next_command(source, out, options)}"] if out else []
    taken = taken_lines(plan) if options["on_conflict"] == "fail" else ()
    session.show(plan, lambda: [*_plan_lines(session, plan, skips), *taken, *wrote])
    if not out:
        click.get_current_context().exit(studio.libraries.exit_code(plan, options["on_conflict"]))


def _next_command(source: Path, table: Path, options: dict[str, Any]) -> str:
    """Return the command that imports a table with the options that this command has."""
    conflict = [] if options["on_conflict"] == "fail" else ["--on-conflict", options["on_conflict"]]
    words = ["studio", "library", "import", str(source), "--table", str(table)]
    return shlex.join([*words, *["--leave-out"] * options["leave_out"], *conflict])


def _by_name(nouns: tuple[str, ...]) -> dict[str, str]:
    """Return the nouns of `NAME=NOUN` texts by name."""
    pairs = {}
    for text in nouns:
        name, _, noun = text.rpartition("=")
        if not (name.strip() and noun.strip()):
            raise click.UsageError(f"--noun {text!r} is not NAME=NOUN, for example rex=dog")
        pairs[name] = noun
    return pairs


def _teller(session: Session, skips: bool) -> Any:
    """Return the function that shows the plan before the work begins. An answer in JSON has it at the end."""

    def tell(plan: "Plan") -> None:
        for line in () if session.json else subject_lines(plan, skips):
            say(line)

    return tell


def _plan_lines(session: Session, plan: "Plan", skips: bool) -> list[str]:
    options = option_names(session.command)
    faults = [with_values(line, options) for line in fault_lines(plan)]
    guesses = guess_lines(plan, "--noun NAME=NOUN", skips)
    return [*subject_lines(plan, skips), *left_aside_lines(plan), *guesses, *faults]


def _imported_lines(imported: "Imported", skips: bool) -> list[str]:
    rows = [
        (
            each.name,
            each.noun,
            each.state + (f" (named {each.came_as} in the source)" if each.name != each.came_as else ""),
        )
        for each in imported.concepts
    ]
    plan = imported.plan
    told = [*left_aside_lines(plan), *guess_lines(plan, "studio concepts edit NAME --noun NOUN", skips)] if plan else []
    notes = [f"Note: {each.name}: {note}" for each in imported.concepts for note in each.notes]
    if imported.signed_by:
        state = "which is trusted" if imported.verified else "which was not checked; to check it, give --trusted-key"
        notes.append(f"Note: signed by {imported.signed_by}, {state}.")
    looked_at, doubtful = (sum(getattr(each, name) for each in imported.concepts) for name in ("looked_at", "doubtful"))
    right = f"{looked_at - doubtful} of {counted(looked_at, 'mask')} {'looks' if looked_at == 1 else 'look'} right"
    masks = [f"{right}; look at them all: studio concepts list --sheet masks.png"] if looked_at else []
    later = ["Imports encode no pictures: the first prompt or fine-tuning that names a concept does it."]
    to_encode = any(each.to_encode for each in imported.concepts)
    return [*told, *notes, *table(("NAME", "NOUN", f"IN LIBRARY {imported.library}"), rows), *masks, *later[:to_encode]]
