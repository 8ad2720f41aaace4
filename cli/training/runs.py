"""studio runs [list|show|drop]"""

import shlex
from typing import TYPE_CHECKING

import click

from cli.commands import StudioGroup
from cli.screen.confirm import confirmed, yes_option
from cli.session import Session, pass_session
from cli.texts.tables import counted, settings_lines, table
from cli.texts.training_scores import best_lines, end_lines, score_lines

if TYPE_CHECKING:
    from lambda_studio.studio import AdapterCard, RunCard


@click.group("runs", cls=StudioGroup, invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """List, show and drop runs of fine-tuning. Without a subcommand, list them."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(listing)


def progress_of(run: "RunCard") -> str:
    """Return how far a run is, in words."""
    if run.state == "finished":
        steps = counted(run.ended_step or run.steps, "step")
        return f"{steps}, adapter {run.adapter}" if run.adapter else f"{steps}, adapter removed"
    return f"{run.saved_step or 0} of {counted(run.steps, 'step')} saved"


def mark_of(card: "RunCard | AdapterCard", name: str) -> str:
    """Return ` (removed)` or ` (forgotten)` behind the name of a concept that is gone, else nothing."""
    return " (forgotten)" if name in card.forgotten else " (removed)" if name in card.removed else ""


def resume_line(run: "RunCard") -> str:
    """Return how to resume an unfinished run."""
    if run.newer is None:
        needs = [word for name, value in run.needs.items() for word in (f"--{name}", value)]
        return f"Resume it: {shlex.join(['studio', *needs, 'finetune', *run.knows, '--resume'])}"
    newer = f"Run {run.newer} of the same concepts is newer, and --resume goes on with that."
    return f"{newer} Finish or drop it first: studio runs drop {run.newer}"


@command.command("list")
@pass_session
def listing(session: Session) -> None:
    """List the runs of the library, newest first."""
    with session.studio() as studio:
        runs = studio.runs.list()

    def lines() -> list[str]:
        if not runs:
            return ["No runs yet. Start one: studio finetune NAME..., or studio finetune --all"]
        rows = [
            (run.id, run.state, ", ".join(run.knows), progress_of(run), f"{run.started_at:%Y-%m-%d %H:%M}")
            for run in runs
        ]
        return list(table(("ID", "STATE", "CONCEPTS", "PROGRESS", "STARTED"), rows))

    session.show(runs, lines)


@command.command("show")
@click.argument("run_id", metavar="ID", type=int)
@pass_session
def show(session: Session, run_id: int) -> None:
    """Show one run: its concepts, progress, settings and files."""
    with session.studio() as studio:
        run = studio.runs.get(run_id)

    def lines() -> list[str]:
        return [
            f"run {run.id}: {run.state}, {progress_of(run)}",
            *([f"reason: {run.why}"] if run.why else []),
            f"started {run.started_at:%Y-%m-%d %H:%M}"
            + (f", ended {run.ended_at:%Y-%m-%d %H:%M}" if run.ended_at else ""),
            f"stack {run.stack}",
            "trains on:",
            *(f"  {name}, version {version}{mark_of(run, name)}" for name, version in run.knows.items()),
            *end_lines(run.ended_step or run.steps, run.steps, run.kept),
            *score_lines(run.scores, run.kept),
            *(best_lines(run.scores, run.kept) if run.state == "finished" else []),
            "settings:",
            *settings_lines(run.settings),
            f"files {run.folder} ({run.bytes / 2**20:,.1f} MiB)",
            *([resume_line(run)] if run.state == "unfinished" else []),
        ]

    session.show(run, lines)


@command.command("drop")
@click.argument("run_id", metavar="ID", type=int)
@yes_option
@pass_session
def drop(session: Session, run_id: int, yes: bool) -> None:
    """Delete a run and its files, such as checkpoints. Adapters and concepts stay.

    A finished run is deleted if its adapter was removed.
    """
    with session.studio() as studio:
        run = studio.runs.get(run_id)
        if run.adapter is None and run.state != "running":
            confirmed(f"Run {run.id} ({', '.join(run.knows)}), {progress_of(run)}, is deleted for good. Drop it?", yes)
        studio.runs.drop(run_id)
    session.show(run, lambda: [f"Dropped run {run.id}."])
