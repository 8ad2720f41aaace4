"""Where a home is, and what lies in it."""

from pathlib import Path

from lambda_studio import Studio
from lambda_studio.workflows.home import adapters_folder, default_home, run_folder


def test_a_person_who_names_no_home_gets_the_one_of_the_environment(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "mine"))
    assert default_home() == tmp_path / "mine"
    with Studio() as studio:
        assert studio.home == tmp_path / "mine"
    assert (tmp_path / "mine" / "studio.sqlite3").is_file()


def test_without_the_environment_it_is_the_platforms_folder(monkeypatch) -> None:
    monkeypatch.setenv("STUDIO_HOME", "")
    assert default_home().name == "lambda-studio"


def test_adapters_and_runs_lie_beside_the_database() -> None:
    assert adapters_folder(Path("home")) == Path("home/adapters")
    assert run_folder(Path("home"), 7) == Path("home/runs/7")
