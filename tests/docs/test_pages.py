"""What the README and the pages say exists as they say it, and everything that exists is on a page."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from cli.main import studio
from cli.options.settings_file import spellings
from cli.training.finetune import command as finetune
from docs.reference.python import error_classes
from lambda_studio.config import FinetuneConfig
from lambda_studio.models.stacks.stack import from_toml
from tests.docs.pages import (
    DOCS,
    GUIDES,
    ROOT,
    blocks,
    called,
    every_path,
    leaf,
    named_commands,
    options,
    rows,
    shown_lines,
)

TEXT = "\n".join(page.read_text(encoding="utf-8") for page in GUIDES)
TROUBLESHOOTING = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
OUTSIDE_OUR_CODE = {0, 9, 130, 143, 141}
"""Exit codes that no error class has: done, out of memory, stopped, nobody reads."""


def each(found: list[tuple[str, ...]]) -> list[object]:
    """Name the page of each case, so that a failure says where to look."""
    return [pytest.param(*case[1:], id=f"{case[0]}-{index}") for index, case in enumerate(found)]


LINES = [(page.stem, line) for page in GUIDES for line in shown_lines(page)]
NAMED = [(page.stem, text) for page in GUIDES for text in named_commands(page)]
ROWS = [(page.stem, *row) for page in GUIDES for row in rows(page)]
TOMLS = [(page.stem, text) for page in GUIDES for text in blocks(page, "toml")]
TUNING = [(page, text) for page, text in TOMLS if page == "fine-tuning"]
STACKS = [each for each in TOMLS if each not in TUNING]


@pytest.mark.parametrize("line", each(LINES))
def test_every_command_line_is_one_that_studio_takes(line: str) -> None:
    command, words = leaf(shlex.split(line)[1:])
    command.make_context("studio", words)


@pytest.mark.parametrize("text", each(NAMED))
def test_a_command_that_is_named_exists_with_its_options(text: str) -> None:
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text)) <= options(called(text)) | {"--version"}


@pytest.mark.parametrize(("command", "does"), each(ROWS))
def test_a_row_names_only_options_that_its_command_takes(command: str, does: str) -> None:
    said = {option for code in re.findall(r"`([^`]+)`", does) for option in re.findall(r"^--?[a-z][a-z-]*", code)}
    assert said <= options(called(command))


@pytest.mark.parametrize("path", sorted(every_path()))
def test_every_command_is_on_a_page_that_tells_what_it_is_for(path: str) -> None:
    assert re.search(rf"\b{path}\b", TEXT), f"no page but the reference tells of: {path}"


@pytest.mark.parametrize("text", each(TUNING))
def test_a_toml_of_fine_tuning_has_its_settings(text: str, tmp_path: Path) -> None:
    path = tmp_path / "portrait.toml"
    path.write_text(text, encoding="utf-8")
    assert FinetuneConfig.from_toml(path, spellings(finetune)).given


@pytest.mark.parametrize("text", each(STACKS))
def test_every_toml_is_a_stack(text: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    assert from_toml(path).name.startswith("mine")


def test_every_exit_code_is_explained() -> None:
    listed = {
        int(code) for codes in re.findall(r"^\| ([\d, ]+) \|", TROUBLESHOOTING, re.M) for code in codes.split(",")
    }
    headed = {int(code) for codes in re.findall(r"^## ([\d, ]+):", TROUBLESHOOTING, re.M) for code in codes.split(",")}
    raised = {error.exit_code for error in error_classes()}
    assert listed == raised | OUTSIDE_OUR_CODE
    assert headed == listed - {0}


def test_global_options_and_their_environment_are_named() -> None:
    for option in studio.params:
        assert re.search(rf"[` ]{option.opts[0]}[` ]", TEXT), option.name
        assert not option.envvar or f"`{option.envvar}`" in TEXT


def test_both_names_of_the_program_are_installed() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    assert scripts == {"studio": "cli.start:main", "lambda-studio": "cli.start:main"}
    assert "`lambda-studio`" in TEXT


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.stem)
def test_pictures_that_a_page_shows_are_there(page: Path) -> None:
    # The strict build checks links, and not pictures.
    for target in re.findall(r"!\[[^]]*\]\((?!https?:)([^)]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).is_file(), target
