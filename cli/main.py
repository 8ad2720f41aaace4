"""The outermost command. Only this module turns an error into a message and an exit code."""

import logging
import os
import sys
import traceback
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

import click

from cli.commands import LazyGroup
from cli.screen import ctrl_c
from cli.screen.repeating import repeated
from cli.screen.spelling import (
    in_remedies,
    less_memory,
    option_names,
    variable_of,
    with_options,
    with_values,
)
from cli.screen.terminal import flushed, in_lines, notice, open_standard_streams, printable, say_json, warn
from cli.session import Session, numbered

COMPLETION = "_STUDIO_COMPLETE"
"""The environment variable with which a shell asks for completions."""

MODULES = {
    "demo": "cli.demo",
    "add-concept": "cli.libraries.add_concept",
    "concepts": "cli.libraries.concepts",
    "library": "cli.libraries.library",
    "finetune": "cli.training.finetune",
    "runs": "cli.training.runs",
    "adapters": "cli.training.adapters",
    "generate": "cli.drawing.generate",
    "interpolate": "cli.drawing.interpolate",
    "reconstruct": "cli.drawing.reconstruct",
    "blend": "cli.drawing.blend",
    "subtract": "cli.drawing.subtract",
    "evaluate": "cli.evaluate",
    "models": "cli.models",
    "session": "cli.drawing.session",
    "doctor": "cli.doctor",
    "db": "cli.db",
    "miniature": "cli.miniature",
}


def version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    """Print the installed version and exit."""
    if value:
        from importlib.metadata import version as installed

        click.echo(f"lambda-studio {installed('lambda-studio')}")
        ctx.exit()


def dashed(name: str) -> str:
    """Return an option or command as it is spelled here. Other trainers write `--learning_rate`."""
    return name.replace("_", "-")


NUMBERS = {
    "integer": "Write the number in digits, such as 4. ",
    "INTEGER|random": "Write the number in digits, such as 4, or give random. ",
    "float": "Write the number in digits, such as 0.5 or 1e-4. ",
}
"""How to write a number, by the name of its type."""
SETTINGS = {"help_option_names": ["-h", "--help"], "token_normalize_func": dashed}


@click.group(cls=LazyGroup, modules=MODULES, context_settings=SETTINGS, invoke_without_command=True)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=version, help="Print the version.")
@click.pass_context
def studio(ctx: click.Context) -> None:
    """Put the things you care about in pictures, by name.

    Start with `studio demo`, or with your own photos:

    \b
      studio add-concept rex photo1.jpg photo2.jpg --noun dog
      studio generate "a <rex> on the beach"
      studio finetune rex
    """
    if ctx.invoked_subcommand is None:  # also `studio --home FOLDER` alone
        click.echo(ctx.get_help())


def main(args: Sequence[str] | None = None) -> None:
    """Run `studio` and exit with its exit code."""
    # Python processes that a library starts inherit this and do not import modules from the current folder.
    os.environ["PYTHONSAFEPATH"] = "1"
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # peft imports it, and it warns of kernels not used here
    open_standard_streams()
    sys.exit(flushed(interruptible(args)))


def interruptible(args: Sequence[str] | None) -> int:
    """Run one command line. Ctrl-C stops the command in order, and does nothing once it has ended."""
    try:
        ctrl_c.handle(ctrl_c.stop_in_order)
        return run(args)
    except KeyboardInterrupt:  # while `run` was telling of an error
        notice("Stopped.")
        return ctrl_c.STOPPED
    finally:
        ctrl_c.ignore()


def run(args: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code. Every error is printed here."""
    session = Session()
    try:
        require_completion(os.environ)
        return studio.main(args, prog_name="studio", standalone_mode=False, obj=session) or 0
    except (click.Abort, KeyboardInterrupt):
        notice("Stopped.")
        return 130
    except (BrokenPipeError, SystemExit) as error:
        if isinstance(error, SystemExit) and error.code != 1:  # after SIGTERM; 1 is how click tells of a closed pipe
            raise
        # The reader closed the pipe: no more output is possible, not even the interpreter's last flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:  # the error boundary: no other place catches all errors
        if ctrl_c.received:  # an import that was broken off raises what it likes
            notice("Stopped.")
            return ctrl_c.STOPPED
        return tell(error, session, as_json=session.json or "--json" in (sys.argv[1:] if args is None else args))


def require_completion(environment: Mapping[str, str]) -> None:
    """Raise UsageError if a shell asks for a completion that cannot be given."""
    asked = environment.get(COMPLETION)
    if not asked:
        return
    shell, _, instruction = asked.partition("_")
    position = environment.get("COMP_CWORD", "")
    is_whole = instruction == "source" or ("COMP_WORDS" in environment and (shell == "fish" or position.isdecimal()))
    if shell not in ("bash", "fish", "zsh") or instruction not in ("source", "complete") or not is_whole:
        raise click.UsageError(f"{COMPLETION} is {asked}. A shell sets it, with COMP_WORDS and COMP_CWORD.")


def tell(error: Exception, session: Session, as_json: bool) -> int:
    """Print an error, with `as_json` on stdout too, and return its exit code."""
    cause, remedy, code = told(error)
    if session.debug:
        for line in "".join(traceback.format_exception(error)).splitlines():
            notice(line)
    if code in (130, 143):
        notice("Stopped.")
        return code
    options = option_names(session.command)
    fields = getattr(error, "fields", ())
    named = {field: options[field] for field in fields if field in options and field not in session.in_file}
    if code == 9:
        remedy = less_memory(options)

    def spelled(text: str) -> str:
        return repeated(with_options(with_values(text, options), named), session.given)

    givers = _variables(session, named) + _file(session, fields)
    typed = {name: option for name, option in options.items() if fields and name not in session.in_file}
    cause = with_options(with_values(in_remedies(cause, spelled), typed), named)
    remedy = givers + spelled(remedy)
    if as_json:
        with suppress(OSError, ValueError):  # a closed stdout does not change what went wrong
            say_json(numbered({"error": {"cause": cause, "remedy": remedy, "exit_code": code}}), session.json_lines)
    cause = in_lines(cause) if getattr(error, "has_lines", False) else printable(cause)
    warn(f"Error: {cause}\n  → {printable(remedy)}")
    return code


def _variables(session: Session, named: Mapping[str, str]) -> str:
    """Return sentences that say which variables give these options."""
    given = [(variable_of(session.context, name), option) for name, option in named.items()] if session.context else []
    return "".join(f"{variable} gives {option}. " for variable, option in given if variable)


def _file(session: Session, fields: Collection[str]) -> str:
    """Return a sentence that says which of these settings the `--config` file gives."""
    given = [field for field in fields if field in session.in_file]
    return f"{session.config_file} gives {' and '.join(given)}. " if given and session.config_file else ""


def told(error: Any) -> tuple[str, str, int]:
    """Return the cause, remedy and exit code of an error."""
    if hasattr(error, "cause") and hasattr(error, "remedy"):
        return error.cause, error.remedy, error.exit_code
    if isinstance(error, click.NoSuchOption):
        near = [name for name in error.possibilities or () if name != "--help"]
        error = click.NoSuchOption(error.option_name, error.message, near, error.ctx)
    if isinstance(error, click.UsageError):
        command = error.ctx.command_path if error.ctx else "studio"
        if isinstance(error, click.BadParameter) and error.ctx and error.param and error.param.name:
            error.param_hint = variable_of(error.ctx, error.param.name) or error.param_hint
        return error.format_message(), f"{_how_to_write(error)}See: {command} --help", 2
    if isinstance(error, click.ClickException):
        return error.format_message(), "See: studio --help", 2
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or _is_torchs_memory(error):
        return str(error).partition("\n")[0] or "There is not enough memory.", "Close other programs.", 9
    if isinstance(error, OSError):
        where = f": {error.filename}" if error.filename else ""
        return f"{error.strerror or error}{where}", "Check that the path exists, is writable and has free space.", 7
    cause = f"Internal error: {type(error).__name__}: {error}".partition("\n")[0]
    return cause, "This is a bug of λ-Studio. Run the command again with --debug and report the output.", 1


def _how_to_write(error: click.UsageError) -> str:
    """Return a sentence about how a number or a prompt is written, if the error is of another text in its place."""
    if error.ctx and error.ctx.info_name == "generate" and "unexpected extra argument" in error.message:
        return 'Put the prompt in quotes: studio generate "a <rex> on the beach". '
    if not isinstance(error, click.BadParameter) or error.param is None or "is not a valid" not in error.message:
        return ""
    return NUMBERS.get(error.param.type.name, "")


def _is_torchs_memory(error: Exception) -> bool:
    """Return whether torch, a library of a GPU, or the loader of these libraries could not allocate memory."""
    said = str(error)
    if isinstance(error, ImportError):  # a library of torch that the memory limit leaves no room for
        return "failed to map segment" in said or "cannot allocate memory" in said.lower()
    if not isinstance(error, RuntimeError):
        return False
    # Apple's and the drivers' allocators; cuBLAS and cuDNN; the CPU's
    return "out of memory" in said or "STATUS_ALLOC_FAILED" in said or ("allocate" in said and "memory" in said)


if __name__ == "__main__":
    main()
