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
