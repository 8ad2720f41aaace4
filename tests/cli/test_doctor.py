"""What doctor says of the database and the home as a whole, and how they are mended."""

import os
from pathlib import Path

import pytest


@pytest.fixture
def home(added, tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.mark.parametrize("depth", ["quick", "usual", "thorough"])
def test_a_whole_home_is_code_0_at_every_depth(studio, home: Path, depth: str) -> None:
    answer = studio("doctor", "--depth", depth)
    assert (answer.code, answer.err) == (0, "")
    assert "problem" not in answer.out
    said = {"quick": "its bytes were not read", "usual": "sound", "thorough": "sound, and every hash is right"}
    assert f"MiB: {said[depth]}\n" in answer.out


def test_damaged_bytes_are_found_by_the_thorough(studio, home: Path) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(home / "studio.sqlite3")) as connection, connection:
        of = "SELECT blob_sha FROM features WHERE kind = 'image_embeds' LIMIT 1"
        connection.execute(f"UPDATE blobs SET data = zeroblob(size) WHERE sha = ({of})")
    assert studio("doctor").code == 0
    sick = studio("doctor", "--depth", "thorough")
    assert sick.code == 1
    assert "a cached value, are damaged\n           → It is computed again on next use." in sick.out
    assert studio("db", "check").code == 7
    assert studio("generate", "a <rex>", "--steps", 1).code == 0
    assert studio("doctor", "--depth", "thorough").code == 0


def test_what_was_never_finished_is_swept_up_and_nothing_else(studio, home: Path) -> None:
    old, new = home / ".studio.sqlite3.0123", home / ".studio.sqlite3.4567"
    adapter = home / "adapters" / ".adapter-x1y2.tmp"
    adapter.parent.mkdir(exist_ok=True)
    mine = home / "my notes.txt"
    for path in (old, new, mine, adapter):
        path.write_text("x")
    os.utime(old, (0, 0))
    os.utime(mine, (0, 0))
    os.utime(adapter, (0, 0))
    sick = studio("doctor", "--depth", "quick")
    assert sick.code == 1
    assert f"left by a dead process: {old}\n           → Remove it: studio doctor --repair" in sick.out
    assert studio("doctor", "--repair", "--depth", "quick").code == 0
    assert (old.exists(), adapter.exists(), new.exists(), mine.exists()) == (False, False, True, True)
    assert studio("concepts", "show", "rex").code == 0


@pytest.mark.parametrize("depth", ["quick", "usual", "thorough"])
def test_doctor_fetches_no_weights_and_says_how_they_come(
    studio, photos, tmp_path: Path, monkeypatch, depth: str
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *names, **_: pytest.fail(f"fetched {names}"))
    studio("add-concept", "rex", *photos, "--noun", "dog")
    answer = studio("doctor", "--depth", depth, "--stack", "kandinsky-2.2", "--repair")
    assert answer.code == 1, "it mends itself"
    assert answer.err == ""
    (problem,) = (line for line in answer.out.splitlines() if line.startswith("problem"))
    assert problem.startswith(
        "problem  stack kandinsky-2.2: The stack kandinsky-2.2 is not, or not completely, on this machine"
    )
    assert "about 11.9 GB" in problem
    assert "→ The first command that draws, encodes or trains with it downloads the missing files." in answer.out
    assert ("cached values: not checked: see the stack's files" in answer.out) == (depth == "thorough")
    assert not (tmp_path / "hub").exists()


def test_a_quick_doctor_reads_no_weights(studio, home: Path, monkeypatch) -> None:
    monkeypatch.setattr("lambda_studio.models.files.locating.file_sha256", lambda path: pytest.fail(f"read {path}"))
    assert studio("doctor", "--depth", "quick").code == 0


def test_doctor_finds_a_damaged_adapter(studio, tuned, tmp_path: Path) -> None:
    assert studio("doctor").out.count("ok ") == 4
    file = next((tmp_path / "home" / "adapters").iterdir())
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    sick = studio("doctor")
    assert sick.code == 2
    assert "problem  adapter 1: its file is damaged" in sick.out
    assert "→ Remove it: studio adapters remove 1. Then fine-tune again." in sick.out
