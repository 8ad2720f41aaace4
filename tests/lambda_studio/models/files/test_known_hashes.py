"""A large file is read once, by whichever process; a file that changed is read again; no note is believed blindly."""

import hashlib
import json
import os
import time
from pathlib import Path

import pytest

from lambda_studio.models.files import known_hashes
from lambda_studio.models.files.known_hashes import MOST_NOTED, WORTH_NOTING, KnownHashes

LARGE, OTHER = bytes(WORTH_NOTING), b"\1" + bytes(WORTH_NOTING - 1)


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that was written an hour ago, as the clock has it."""
    monkeypatch.setattr(known_hashes, "time_ns", lambda: time.time_ns() + 3600 * 10**9)
    path = tmp_path / "model.safetensors"
    path.write_bytes(LARGE)
    return path


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files whose bytes are read."""
    paths: list[Path] = []
    read_whole = known_hashes.file_sha256

    def noting(path: Path) -> str:
        paths.append(path)
        return read_whole(path)

    monkeypatch.setattr(known_hashes, "file_sha256", noting)
    return paths


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_file_is_read_once_by_all_processes(model: Path, tmp_path: Path, read: list[Path]) -> None:
    note = tmp_path / "cache" / "hashes.json"
    first = KnownHashes(note)
    assert first.find(model) is None
    assert [first.sha256(model), first.sha256(model), KnownHashes(note).sha256(model)] == [sha(LARGE)] * 3
    assert KnownHashes(note).find(model) == sha(LARGE)
    assert read == [model]
    assert json.loads(note.read_text())["format"] == 1
    assert [path.name for path in note.parent.iterdir()] == ["hashes.json"]


@pytest.mark.parametrize("change", ["size", "written", "same times", "replaced"])
def test_a_file_that_changed_is_read_again(model: Path, tmp_path: Path, read: list[Path], change: str) -> None:
    note, before = tmp_path / "hashes.json", model.stat()
    assert KnownHashes(note).sha256(model) == sha(LARGE)
    data = LARGE + b"\1" if change == "size" else OTHER
    time.sleep(0.02)  # the kernel's clock ticks
    if change == "replaced":
        fresh = model.with_name("fresh")
        fresh.write_bytes(data)
        fresh.replace(model)
    else:
        model.write_bytes(data)
    if change != "written":
        os.utime(model, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert KnownHashes(note).sha256(model) == sha(data)
    assert read == [model, model]


def test_a_file_that_was_written_just_now_is_not_remembered(tmp_path: Path, read: list[Path]) -> None:
    path, known = tmp_path / "model.safetensors", KnownHashes(tmp_path / "hashes.json")
    path.write_bytes(LARGE)
    assert [known.sha256(path), known.sha256(path)] == [sha(LARGE)] * 2
    assert read == [path, path]
    assert not known.note.exists()


def test_a_small_file_is_remembered_by_the_process_alone(model: Path, tmp_path: Path, read: list[Path]) -> None:
    model.write_bytes(b"small")
    known = KnownHashes(tmp_path / "hashes.json")
    assert [known.sha256(model), known.sha256(model)] == [sha(b"small")] * 2
    assert read == [model]
    assert not known.note.exists()


ENTRY = [1, 2, 3, 4, "ab" * 32]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "[" * 100_000,
        json.dumps({"format": 2, "files": {}}),
        json.dumps({"format": 1, "files": {"a": ENTRY[:4]}}),
        json.dumps({"format": 1, "files": {"a": [*ENTRY[:4], "short"]}}),
        json.dumps({"format": 1, "files": {"a": ["1", *ENTRY[1:]]}}),
        json.dumps({"format": 1, "files": {"a": ENTRY}}) + " " * 2**20,
    ],
)
def test_a_note_that_cannot_be_read_is_no_note(model: Path, tmp_path: Path, read: list[Path], text: str) -> None:
    note = tmp_path / "hashes.json"
    note.write_text(text + ("x" if text.endswith(" ") else ""))
    assert KnownHashes(note).sha256(model) == sha(LARGE)
    assert KnownHashes(note).sha256(model) == sha(LARGE), "a good note took its place"
    assert read == [model]


def test_a_note_holds_so_many_files_and_forgets_the_oldest(model: Path, tmp_path: Path) -> None:
    note = tmp_path / "hashes.json"
    files = {f"/old/{number}": ENTRY for number in range(MOST_NOTED)}
    note.write_text(json.dumps({"format": 1, "files": files}))
    KnownHashes(note).sha256(model)
    assert list(json.loads(note.read_text())["files"]) == [*list(files)[1:], str(model)]


def test_where_no_note_can_be_written_files_are_hashed_all_the_same(model: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    assert KnownHashes(tmp_path / "file" / "hashes.json").sha256(model) == sha(LARGE)
