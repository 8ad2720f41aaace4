"""Where a home is, and what lies in it."""

from datetime import datetime
from pathlib import Path

from concepts.records import AdapterRecord
from lambda_studio import Studio
from lambda_studio.workflows.home import adapter_file, adapters_folder, default_home, run_folder, why_missing

ADAPTER = AdapterRecord(7, "default", "ab", "ab.safetensors", "lora", "tiny", {}, datetime(2026, 1, 1), None, ())


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


def test_a_missing_adapter_is_gone_here_and_out_of_reach_where_the_registry_is_on_a_server() -> None:
    file = adapter_file(Path("home"), ADAPTER)
    assert file == Path("home/adapters/ab.safetensors")
    cause, remedy = why_missing(Path("home"), ADAPTER, on_server=False)
    assert "adapter 7" in cause and str(file) in cause
    assert "studio adapters remove 7" in remedy and "--adapter none" in remedy
    cause, remedy = why_missing(Path("home"), ADAPTER, on_server=True)
    assert "adapter 7" in cause and str(file) in cause
    assert "STUDIO_HOME" in remedy and "remove" not in remedy, "another machine has it"
