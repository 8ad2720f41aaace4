"""Global options: on either side of a command, and before the environment."""

import json
from pathlib import Path

import pytest


@pytest.mark.parametrize("place", ["before", "after"])
def test_global_options_work_before_and_after_the_command(studio, photos, tmp_path: Path, place: str) -> None:
    options = ["--home", tmp_path / "elsewhere", "--library", "default", "--json"]
    args = [*options, "concepts", "list"] if place == "before" else ["concepts", "list", *options]
    answer = studio(*args)
    assert (answer.code, json.loads(answer.out)) == (0, [])
    assert (tmp_path / "elsewhere" / "studio.sqlite3").exists()
    assert not (tmp_path / "home").exists()


def test_an_option_outranks_the_environment(studio, monkeypatch) -> None:
    monkeypatch.setenv("STUDIO_LIBRARY", "nowhere")
    assert studio("concepts").code == 3
    assert studio("concepts", "--library", "default").code == 0


def test_global_options_without_a_command_greet_as_studio_alone_does(studio, tmp_path: Path) -> None:
    alone, with_option = studio(), studio("--home", tmp_path / "elsewhere")
    assert (alone.code, with_option.code) == (0, 0)
    assert alone.out == with_option.out and "Start with `studio demo`" in alone.out
    assert not (tmp_path / "elsewhere").exists()
