"""The database as a whole: checked, backed up, restored."""

import json
from pathlib import Path

import pytest


@pytest.fixture
def home(added, tmp_path: Path) -> Path:
    return tmp_path / "home"


def test_the_database_goes_into_a_backup_and_back(studio, home: Path) -> None:
    assert "Sound: every row and every hash is right." in studio("db", "check").out
    assert "has schema" in studio("db", "upgrade").out
    copy = json.loads(studio("db", "backup", "--json").out)["copy"]
    assert Path(copy).parent == home / "backups"
    assert "dapters" not in studio("db", "backup").out
    studio("concepts", "remove", "rex", "--yes")
    refused = studio("db", "restore", copy)
    assert (refused.code, "add --yes" in refused.err) == (2, True)
    restored = studio("db", "restore", copy, "--yes")
    assert restored.code == 0
    assert "The replaced database is kept as" in restored.out
    assert studio("concepts", "show", "rex").code == 0


def test_a_backup_names_the_folder_of_adapters_that_must_be_copied_too(studio, home: Path) -> None:
    (home / "adapters").mkdir()
    (home / "adapters" / "a.safetensors").touch()
    said = studio("db", "backup").out.splitlines()
    assert said[1] == f"Adapters are not part of it. Copy their folder too: {home / 'adapters'}"


def test_a_database_that_cannot_be_opened_is_code_2_and_its_newest_backup_named(studio, home: Path) -> None:
    copy = json.loads(studio("db", "backup", "--json").out)["copy"]
    (home / "studio.sqlite3").write_bytes(b"")
    sick = studio("doctor")
    assert sick.code == 2
    assert "problem  database:" in sick.out
    assert f"→ Restore the newest backup: studio db restore {copy}" in sick.out
    assert studio("db", "check").code == 7
    assert studio("db", "restore", copy, "--yes").code == 0
    assert studio("doctor").code == 0
