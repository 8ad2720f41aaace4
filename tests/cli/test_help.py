"""`studio --help` answers at once, and every command explains itself."""

import re
import resource
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from cli.commands import StudioCommand, StudioGroup
from cli.main import run, studio


def every_command(
    group: click.Group = studio, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Each command with the words that call it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from every_command(command, (*path, name))


COMMANDS = dict(every_command())


def test_the_commands_are_these() -> None:
    names = {path[0] for path in COMMANDS}
    assert names == {
        "demo",
        "add-concept",
        "concepts",
        "library",
        "finetune",
        "runs",
        "adapters",
        "generate",
        "interpolate",
        "reconstruct",
        "blend",
        "subtract",
        "evaluate",
        "models",
        "session",
        "doctor",
        "db",
        "miniature",
    }


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_and_option_has_help(path: tuple[str, ...]) -> None:
    command = COMMANDS[path]
    assert isinstance(command, StudioCommand | StudioGroup)
    assert command.help
    assert command.get_short_help_str().endswith(".")
    for option in command.params:
        assert not isinstance(option, click.Option) or option.help, option.name


@pytest.mark.parametrize("path", [(), *(path for path in COMMANDS if len(path) == 1)], ids=lambda path: path)
def test_no_short_help_is_cut_off_on_80_columns(path: tuple[str, ...], capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run([*path, "--help"]) == 0
    listed = capsys.readouterr().out.partition("Commands:\n")[2]
    assert "..." not in listed
    assert bool(listed) == isinstance(COMMANDS.get(path, studio), click.Group)


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_shows_the_global_options_apart(path: tuple[str, ...], capsys) -> None:
    assert run([*path, "--help"]) == 0
    own, shared = capsys.readouterr().out.split("Global options (before or after the command):")
    for option in ("--home", "--library", "--stack", "--json", "--debug"):
        assert re.search(rf"^  {option}\b", shared, re.MULTILINE)
        assert not re.search(rf"^  {option}\b", own, re.MULTILINE)


def test_the_first_help_lists_every_command(capsys) -> None:
    assert run(["--help"]) == 0
    said = capsys.readouterr().out
    for path in COMMANDS:
        assert re.search(rf"^  {path[0]} +[A-Z]", said, re.MULTILINE)
    assert "[env var: STUDIO_HOME]" in " ".join(said.split())


def python(code: str) -> str:
    """What a fresh interpreter prints."""
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def test_help_takes_less_than_a_third_of_a_second_of_processor_time() -> None:
    def once() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        python("import cli.main; cli.main.run(['--help'])")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(once() for _ in range(5)) < 0.3


LOADED = "import sys; print([name for name in {heavy} if name in sys.modules])"


def test_help_imports_nothing_heavy() -> None:
    heavy = ["torch", "diffusers", "transformers", "sqlalchemy", "PIL", "numpy", "rich", "lambda_studio"]
    said = python(f"import cli.main; cli.main.run(['--help']); {LOADED.format(heavy=heavy)}")
    assert said.splitlines()[-1] == "[]"


def test_listing_concepts_imports_nothing_that_it_does_not_need(tmp_path) -> None:
    heavy = ["torch", "diffusers", "transformers", "open_clip", "PIL", "numpy", "rich", "filelock", "alembic"]
    heavy += ["sqlalchemy.dialects.postgresql", "concepts.stores.postgres"]
    list_them = f"import cli.main; assert cli.main.run({['concepts', '--home', str(tmp_path)]}) == 0"
    python(list_them)  # makes the registry, with Alembic
    said = python(f"{list_them}; {LOADED.format(heavy=heavy)}")
    assert said.splitlines()[-1] == "[]"
