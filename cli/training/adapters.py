"""studio adapters [list|show|evaluate|rename|remove|import|export|merge|extract|scale]"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.commands import StudioGroup, download_option, hardware_options
from cli.screen.confirm import confirmed, yes_option
from cli.session import Session, pass_session
from cli.texts.evaluation_lines import evaluation_lines
from cli.texts.tables import settings_lines, table
from cli.texts.training_scores import end_lines
from cli.training.runs import mark_of

if TYPE_CHECKING:
    from lambda_studio.studio import AdapterCard, AdapterSource


SAID = ("made_by", "made_of", "name", "update_size")
"""Settings that have a line of their own."""
LARGER = {"scale": " Give a SCALE farther from 0.", "merge": " Give a SCALE farther from 0.", "extract": ""}
"""How to get a larger update, by the command that made the adapter of others."""


@click.group("adapters", cls=StudioGroup, invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """List, show, remove, combine and exchange adapters. Without a subcommand, list them.

    ID is an adapter's number, its name, or the first eight or more digits of its hash.
    """
    if ctx.invoked_subcommand is None:
        ctx.invoke(listing)


@command.command("list")
@pass_session
def listing(session: Session) -> None:
    """List the adapters of the library, newest first."""
    with session.studio() as studio:
        adapters = studio.adapters.list()

    def lines() -> list[str]:
        if not adapters:
            return ["No adapters yet. Make one: studio finetune NAME..., or studio finetune --all"]
        rows = [
            (
                item.id,
                item.name or "",
                item.method,
                item.stack,
                ", ".join(item.knows),
                _made_by(item),
                ", ".join(word for word in ("stale", "forgotten", "missing") if getattr(item, word)),
                f"{item.created_at:%Y-%m-%d}",
            )
            for item in adapters
        ]
        return list(table(("ID", "NAME", "METHOD", "STACK", "KNOWS", "MADE BY", "", "SINCE"), rows))

    session.show(adapters, lines)


@command.command("show")
@click.argument("adapter_id", metavar="ID")
@pass_session
def show(session: Session, adapter_id: str) -> None:
    """Show one adapter: its concepts, settings and file."""
    with session.studio() as studio:
        adapter = studio.adapters.measured(adapter_id)

    def lines() -> list[str]:
        return [
            f"adapter {called(adapter)}: {adapter.method} for {adapter.stack}",
            f"made {adapter.created_at:%Y-%m-%d %H:%M} by {_origin(adapter)}",
            f"file {adapter.path}" + (" (missing on this machine)" if adapter.missing else ""),
            "trained on:",
            *(f"  {name}, version {version}{mark_of(adapter, name)}" for name, version in adapter.knows.items()),
            *(["stale: a concept has changed since; the adapter is used nevertheless"] if adapter.stale else []),
            *_ended(adapter),
            *size_lines(adapter),
            "settings:",
            *settings_lines(adapter.settings, SAID),
        ]

    session.show(adapter, lines)


@command.command("evaluate")
@click.argument("adapter_id", metavar="ID")
@click.option(
    "--pictures", type=int, default=4, show_default=True, help="Pictures of each concept, with the adapter and without."
)
@hardware_options
@download_option
@pass_session
def evaluate(session: Session, adapter_id: str, pictures: int) -> None:
    """Measure an adapter: likeness, bleeding, copies, drift.

    Draws each concept that it knows alone and with others, and prompts without any, and compares them with the
    concepts' images, each with the adapter and without.
    """
    with session.studio() as studio:
        adapter = studio.adapters.measured(adapter_id)
        found = studio.adapters.evaluate(adapter_id, pictures=pictures)
    session.show(found, lambda: [*evaluation_lines(found), *size_lines(adapter)])


@command.command("rename")
@click.argument("adapter_id", metavar="ID")
@click.argument("name")
@pass_session
def rename(session: Session, adapter_id: str, name: str) -> None:
    """Give an adapter a name. Commands take it in place of the number."""
    with session.studio() as studio:
        adapter = studio.adapters.rename(adapter_id, name)
    session.show(adapter, lambda: [f"Adapter {adapter.id} is now called {adapter.name}."])


@command.command("remove")
@click.argument("adapter_id", metavar="ID")
@yes_option
@pass_session
def remove(session: Session, adapter_id: str, yes: bool) -> None:
    """Remove an adapter and its file. The concepts stay."""
    with session.studio() as studio:
        adapter = studio.adapters.get(adapter_id)
        what = f"Adapter {called(adapter)}, trained on {', '.join(adapter.knows)}, and its file are deleted for good."
        confirmed(f"{what} Remove it?", yes)
        studio.adapters.remove(adapter_id)
    session.show(adapter, lambda: [f"Removed adapter {called(adapter)}."])


name_option = click.option("--name", help="A name for the new adapter, by which commands take it.")


@command.command("import")
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--knows",
    multiple=True,
    metavar="NAME",
    help="A concept that it was trained on; generate then chooses it for this concept. May be repeated.",
)
@name_option
@click.option("--duplicate", is_flag=True, help="Add it even if an adapter of the library has its weights.")
@download_option
@pass_session
def import_(session: Session, path: Path, knows: tuple[str, ...], name: str | None, duplicate: bool) -> None:
    """Add a LoRA that peft or diffusers wrote.

    PATH is its folder, or its .safetensors file. It must be for the UNet of the stack in use,
    for example --stack kandinsky-2.2.
    """
    with session.studio() as studio:
        adapter = studio.adapters.import_(path, knows=knows, name=name, duplicate=duplicate)
    added = "Added" if adapter.created else "Kept"
    use = f"Use it: studio generate PROMPT --adapter {adapter.id}"
    unknown = "It knows no concept, so auto never chooses it. To have it chosen, import it with --knows NAME."
    session.show(
        adapter,
        lambda: [
            f"{added} adapter {called(adapter)}, of rank {adapter.settings['rank']}. {use}",
            *([] if adapter.knows else [unknown]),
        ],
    )


@command.command("export")
@click.argument("adapter_id", metavar="ID")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "layout",
    type=click.Choice(["diffusers", "peft"]),
    default="diffusers",
    show_default=True,
    help="The library that shall load it.",
)
@pass_session
def export(session: Session, adapter_id: str, folder: Path, layout: str) -> None:
    """Write an adapter into a new folder for diffusers or peft.

    The names of its concepts are left out.
    """
    with session.studio() as studio:
        exported = studio.adapters.export(adapter_id, folder, layout=layout)
    session.show(exported, lambda: [f"Wrote {exported.path}. {layout} loads it: {exported.load}"])


@command.command("merge")
@click.argument("adapters", nargs=-1, required=True, metavar="ID[:SCALE]...")
@name_option
@pass_session
def merge(session: Session, adapters: tuple[str, ...], name: str | None) -> None:
    """Make one adapter of several.

    Its update is the sum of theirs, each times its scale. The others stay.

    \b
      studio adapters merge 3 5:0.5
    """
    with session.studio() as studio:
        made = studio.adapters.merge(adapters, name=name)
    session.show(made, lambda: made_lines(made))


@command.command("extract")
@click.argument("adapter_id", metavar="ID")
@click.option("--rank", type=int, default=16, show_default=True, help="The rank of the LoRA.")
@name_option
@pass_session
def extract(session: Session, adapter_id: str, rank: int, name: str | None) -> None:
    """Make a LoRA of an adapter.

    ID is a full UNet, a DoRA, or a LoRA of a higher rank. It stays.
    """
    with session.studio() as studio:
        made = studio.adapters.extract(adapter_id, rank=rank, name=name)
    kept = f"It has {100 * made.settings['kept']:.1f} % of the norm of the update of adapter {adapter_id}."
    session.show(made, lambda: [*made_lines(made), kept])


@command.command("scale")
@click.argument("adapter_id", metavar="ID")
@click.argument("factor", type=float, metavar="SCALE")
@name_option
@pass_session
def scale(session: Session, adapter_id: str, factor: float, name: str | None) -> None:
    """Make an adapter whose update is scaled.

    It is the update of the adapter ID times SCALE. The other stays. A negative SCALE follows two dashes: 3 -- -0.5
    """
    with session.studio() as studio:
        made = studio.adapters.scale(adapter_id, factor, name=name)
    session.show(made, lambda: made_lines(made))


def made_lines(made: "AdapterCard") -> list[str]:
    """Return what is said of a new adapter that was made of others."""
    what = f" of rank {made.settings['rank']}" if made.method == "lora" else ", a full UNet"
    knows = f" It knows {', '.join(made.knows)}." if made.knows else ""
    return [f"Made adapter {called(made)}{what}.{knows}", *size_lines(made)]


def called(adapter: "AdapterCard") -> str:
    """Return an adapter's number, with its name if it has one."""
    return f"{adapter.id} ({adapter.name})" if adapter.name else f"{adapter.id}"


def size_lines(adapter: "AdapterCard") -> list[str]:
    """Return the size of an adapter's update in words, with a warning if it changes nothing."""
    if adapter.update_size is None:
        return []
    said = f"its update is {100 * adapter.update_size:.2g} % of the weights that it changes"
    if not adapter.vanishes:
        return [said]
    larger = LARGER.get(adapter.settings.get("made_by", ""), " Train longer, or with a higher --learning-rate.")
    return [
        f"{said}: it changes nothing, or almost nothing",
        f"bf16 rounds away changes below 0.2 % of a weight (1/512).{larger}",
    ]


def _ended(adapter: "AdapterCard") -> Iterator[str]:
    """Return how the adapter's training ended, if it was not at its last step with its last weights."""
    if adapter.planned_steps is None:
        return iter(())
    return end_lines(adapter.ended_step or adapter.planned_steps, adapter.planned_steps, adapter.kept)


def _made_by(adapter: "AdapterCard") -> str:
    if made_by := adapter.settings.get("made_by"):
        return str(made_by)
    return "import" if "imported" in adapter.settings else f"run {adapter.run_id}"


def _origin(adapter: "AdapterCard") -> str:
    if adapter.made_of:
        return f"{_made_by(adapter)} of {', '.join(map(_source, adapter.made_of))}"
    return f"import of {adapter.settings['imported']}" if "imported" in adapter.settings else _made_by(adapter)


def _source(source: "AdapterSource") -> str:
    """Return a number, or the start of the hash of an adapter that was removed, with its scale."""
    name = f"{source.sha256[:12]} (removed)" if source.id is None else f"{source.id}"
    return name if source.scale == 1 else f"{name}:{source.scale:g}"
