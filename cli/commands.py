"""Commands that accept the global options anywhere, and a group that imports each command on use."""

import difflib
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from cli.arguments import check
from cli.session import Session


def remember(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    """Store a given global option in the session."""
    check(ctx, param, value)
    if value and param.name:
        session = ctx.find_root().ensure_object(Session)
        setattr(session, param.name, value)
        if ctx.get_parameter_source(param.name) is ParameterSource.COMMANDLINE:
            session.given[param.name] = value


def global_options(with_environment: bool) -> list[click.Option]:
    """Return the options of every command. Only the outermost reads the environment, so that each flag overrides it."""

    def environment(name: str) -> str | None:
        return name if with_environment else None

    common: dict[str, Any] = {"callback": remember, "expose_value": False, "show_envvar": with_environment}
    return [
        click.Option(
            ["--home"],
            type=click.Path(file_okay=False, path_type=Path),
            envvar=environment("STUDIO_HOME"),
            help="Folder of the libraries; by default the platform's folder for user data.",
            **common,
        ),
        click.Option(
            ["--database"],
            metavar="FILE|URL",
            envvar=environment("STUDIO_DATABASE"),
            help="Database of the libraries: a SQLite file, or postgresql+psycopg://…; by default a file in the home.",
            **common,
        ),
        click.Option(
            ["--library"],
            envvar=environment("STUDIO_LIBRARY"),
            help="Library to use; by default the current one.",
            **common,
        ),
        click.Option(
            ["--stack"],
            metavar="NAME|FILE.toml",
            envvar=environment("STUDIO_STACK"),
            help="Models to use: miniature, kandinsky-2.2, or a TOML file; by default the library's, else miniature.",
            **common,
        ),
        click.Option(["--json"], is_flag=True, help="Print the answer as JSON on stdout.", **common),
        click.Option(["--debug"], is_flag=True, help="Show the traceback of an error.", **common),
    ]


GLOBAL = {"home", "database", "library", "stack", "json", "debug"}


class _TakesGlobalOptions(click.Command):
    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.params.extend(global_options(with_environment=self.is_root))

    is_root = False

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments, and check each before the command runs."""
        try:
            rest = super().parse_args(ctx, args)
        except click.exceptions.NoArgsIsHelpError:  # `studio` or `studio db` alone
            click.echo(ctx.get_help())
            ctx.exit()
        except click.UsageError as error:  # click's parser does not say in which command
            error.ctx = error.ctx or ctx
            raise
        for param in self.params:
            if param.name in ctx.params:
                check(ctx, param, ctx.params[param.name])
        return rest

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, and store its call in the session, so that errors name its options."""
        ctx.find_root().ensure_object(Session).context = ctx
        return super().invoke(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command's own options, then the global options in a separate section."""
        own: list[tuple[str, str]] = []
        shared: list[tuple[str, str]] = []
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                (shared if param.name in GLOBAL else own).append(record)
        for title, records in (("Options", own), ("Global options (before or after the command)", shared)):
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)
        if isinstance(self, click.Group):
            self.format_commands(ctx, formatter)


class StudioCommand(_TakesGlobalOptions):
    """A command of `studio`."""


MOST_LIKELY = 3
"""How many commands a message names in place of an unknown one."""


class _NamesTheNearest(click.Group):
    """A command with subcommands, which names the nearest one for a typing error."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the subcommand. Raises UsageError with the nearest name."""
        known, asked = self.list_commands(ctx), args[0].replace("_", "-")
        if asked not in known:
            likely = self.likely(asked, ctx) or difflib.get_close_matches(asked, known, n=1)
            if likely:
                ctx.fail(f"No such command {args[0]!r}. Did you mean {' or '.join(map(repr, likely))}?")
        return super().resolve_command(ctx, args)

    def likely(self, asked: str, ctx: click.Context) -> list[str]:
        """Return the commands elsewhere that the user may mean: none here."""
        return []


class StudioGroup(_TakesGlobalOptions, _NamesTheNearest):
    """A command with subcommands. Without one, its own function runs."""

    command_class = StudioCommand


class LazyGroup(_TakesGlobalOptions, _NamesTheNearest):
    """The outermost command. `modules` maps each command's name to the module that defines it as `command`."""

    is_root = True

    def __init__(self, *args: Any, modules: dict[str, str], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.modules:
            return None
        command: click.Command = importlib.import_module(self.modules[cmd_name]).command
        return command

    def likely(self, asked: str, ctx: click.Context) -> list[str]:
        """Return the first commands that begin with the asked name (`add`), else those of groups (`list`)."""
        longer = [f"studio {name}" for name in self.modules if name.startswith(f"{asked}-")]
        return (longer or [*self._within_groups(asked, ctx)])[:MOST_LIKELY]

    def _within_groups(self, asked: str, ctx: click.Context) -> Iterator[str]:
        for name in self.modules:
            group = self.get_command(ctx, name)
            if isinstance(group, click.Group) and asked in group.commands:
                yield f"studio {name} {asked}"


download_option = click.option(
    "--yes",
    "-y",
    is_flag=True,
    expose_value=False,
    callback=remember,
    help="Download models without asking, also to a machine without a GPU.",
)
"""The option of commands that may download models."""


def hardware_options(command: Any) -> Any:
    """Add `--device` and `--precision`, for commands that run models."""
    common: dict[str, Any] = {"expose_value": False, "callback": remember}
    precision = click.option(
        "--precision",
        type=click.Choice(["auto", "fp32", "fp16", "bf16"]),
        help="Number format of the frozen weights. auto: half precision on a GPU.  [default: the stack's]",
        **common,
    )
    device = click.option(
        "--device",
        metavar="auto|cpu|cuda|mps",
        help="Device of the models. auto: a GPU if one works, else the CPU.  [default: auto]",
        **common,
    )
    return device(precision(command))
