"""studio adapters [list|show|remove|import|export]"""

from pathlib import Path

import click

from cli.commands import StudioGroup, download_option
from cli.confirm import confirmed, yes_option
from cli.session import Session, pass_session
from cli.tables import table


@click.group("adapters", cls=StudioGroup, invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """List, show, remove and exchange adapters. Without a subcommand, list them."""
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
                item.method,
                item.stack,
                ", ".join(item.knows),
                ", ".join(word for word in ("stale", "forgotten", "missing") if getattr(item, word)),
                f"{item.created_at:%Y-%m-%d}",
            )
            for item in adapters
        ]
        return list(table(("ID", "METHOD", "STACK", "KNOWS", "", "SINCE"), rows))

    session.show(adapters, lines)


@command.command("show")
@click.argument("adapter_id", metavar="ID")
@pass_session
def show(session: Session, adapter_id: str) -> None:
    """Show one adapter: its concepts, settings and file."""
    with session.studio() as studio:
        adapter = studio.adapters.get(adapter_id)

    def since(name: str) -> str:
        return " (forgotten)" if name in adapter.forgotten else " (removed)" if name in adapter.removed else ""

    def lines() -> list[str]:
        return [
            f"adapter {adapter.id}: {adapter.method} for {adapter.stack}",
            f"made {adapter.created_at:%Y-%m-%d %H:%M} by run {adapter.run_id}",
            f"file {adapter.path}" + (" (missing on this machine)" if adapter.missing else ""),
            "trained on:",
            *(f"  {name}, version {version}{since(name)}" for name, version in adapter.knows.items()),
            *(["stale: a concept has changed since; the adapter is used nevertheless"] if adapter.stale else []),
            "settings:",
            *(f"  {key}: {value}" for key, value in adapter.settings.items() if value is not None),
        ]

    session.show(adapter, lines)


@command.command("remove")
@click.argument("adapter_id", metavar="ID")
@yes_option
@pass_session
def remove(session: Session, adapter_id: str, yes: bool) -> None:
    """Remove an adapter and its file. The concepts stay."""
    with session.studio() as studio:
        adapter = studio.adapters.get(adapter_id)
        what = f"Adapter {adapter.id}, trained on {', '.join(adapter.knows)}, and its file are deleted for good."
        confirmed(f"{what} Remove it?", yes)
        studio.adapters.remove(adapter_id)
    session.show(adapter, lambda: [f"Removed adapter {adapter.id}."])


@command.command("import")
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--knows",
    multiple=True,
    metavar="NAME",
    help="A concept that it was trained on; generate then chooses it for this concept. May be repeated.",
)
@download_option
@pass_session
def import_(session: Session, path: Path, knows: tuple[str, ...]) -> None:
    """Add a LoRA that peft or diffusers wrote.

    PATH is its folder, or its .safetensors file. It must be for the UNet of the stack in use,
    for example --stack kandinsky-2.2.
    """
    with session.studio() as studio:
        adapter = studio.adapters.import_(path, knows=knows)
    use = f"Use it: studio generate PROMPT --adapter {adapter.id}"
    session.show(adapter, lambda: [f"Added adapter {adapter.id}, of rank {adapter.settings['rank']}. {use}"])


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
