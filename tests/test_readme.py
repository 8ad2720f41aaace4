"""The README's commands exist as they are written there, and everything that exists is in the README."""

import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import click
import pytest

import concepts.errors
import lambda_studio.errors
from cli.main import studio

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FENCED = [line for block in re.findall(r"```\n(.*?)```", README, re.DOTALL) for line in block.splitlines()]
TEST_COMMAND = "pip install -e '.[test]' && pytest"
DEMO_COMMAND = "pip install -e . && studio demo"
LINES = [line for line in FENCED if line.startswith("studio ")]
ROWS = re.findall(r"^\| `studio ([^`]+)` \| (.+) \|$", README, re.MULTILINE)


def leaf(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that these words call, and the words that are left for it."""
    command: click.Command = studio
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(click.Context(command), words[0])
        assert found is not None, f"there is no command {words[0]!r}"
        command, words = found, words[1:]
    return command, words


def every_path(group: click.Group = studio, path: str = "") -> list[str]:
    """The words that call each command."""
    context, paths = click.Context(group), []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        paths += [f"{path}{name}"]
        paths += every_path(command, f"{path}{name} ") if isinstance(command, click.Group) else []
    return paths


def test_the_two_commands_stand_there_as_they_are_run() -> None:
    assert DEMO_COMMAND in FENCED
    assert FENCED.count(TEST_COMMAND) == 1


def test_the_ci_finds_the_test_command_in_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    pattern = re.search(r'grep -m 1 "([^"]+)" README.md', script)
    assert pattern
    found = subprocess.run(["grep", "-m", "1", pattern[1], "README.md"], cwd=ROOT, capture_output=True, text=True)
    assert found.stdout.strip() == TEST_COMMAND
    assert subprocess.run(["bash", "-n", ".ci/run"], cwd=ROOT).returncode == 0


@pytest.mark.parametrize("line", LINES)
def test_every_command_line_is_one_that_studio_takes(line: str, tmp_path: Path) -> None:
    command, words = leaf(shlex.split(line)[1:])
    command.make_context("studio", words)


@pytest.mark.parametrize("path", every_path())
def test_every_command_has_a_line(path: str) -> None:
    assert [row for row, _ in ROWS if re.match(rf"{path}($| [A-Z[])", row)], f"the README has no row for: studio {path}"


@pytest.mark.parametrize(("row", "does"), ROWS)
def test_a_row_names_only_options_that_exist_and_every_one(row: str, does: str) -> None:
    words = [word for word in shlex.split(row) if re.fullmatch(r"[a-z-]+", word) and not word.startswith("-")]
    command, rest = leaf(words)
    assert rest == []
    own = {name for param in command.params if isinstance(param, click.Option) for name in param.opts}
    said = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", f"{row} {does}"))
    assert said <= own
    shared = {"--home", "--database", "--library", "--stack", "--json", "--debug", "--yes", "-y", "--number"}
    assert own - said <= shared


def test_every_exit_code_is_listed() -> None:
    listed = {int(code) for codes in re.findall(r"^\| ([\d, ]+) \|", README, re.MULTILINE) for code in codes.split(",")}
    modules = (concepts.errors, lambda_studio.errors)
    errors = [each for module in modules for each in vars(module).values() if isinstance(each, type)]
    raised = {each.exit_code for each in errors if issubclass(each, Exception) and hasattr(each, "exit_code")}
    assert listed == raised | {0, 9, 130, 143, 141}


def test_global_options_and_their_environment_are_named() -> None:
    for option in studio.params:
        assert re.search(rf"[` ]{option.opts[0]}[` ]", " ".join(README.split())), option.name
        assert not option.envvar or f"`{option.envvar}`" in README


def test_both_names_of_the_program_are_installed() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    assert scripts == {"studio": "cli.main:main", "lambda-studio": "cli.main:main"}
    assert "`lambda-studio`" in README


def test_files_that_the_readme_shows_are_there() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", README):
        assert (ROOT / target).is_file(), target
