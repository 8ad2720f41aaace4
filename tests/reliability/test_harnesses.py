"""The harnesses themselves: each finds a fault that is put there for it."""

import os
import time
from pathlib import Path

import pytest

from tests.reliability import concurrent, power, rot
from tests.reliability.power import Disk, File, Op, _parsed
from tests.reliability.tracing import cannot_trace, write_points


def test_a_flip_that_doctor_does_not_see_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rot, "database_findings", lambda _path, _depth: [])
    (outcome,) = rot.run(0.0003, tmp_path, 0)
    assert (outcome.tried, outcome.right, len(outcome.wrong)) == (3, 0, 3)
    assert outcome.wrong[0].endswith("doctor found nothing")


def test_a_lost_increment_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concurrent, "_count_up", lambda _home, _times, _address: "done")
    outcome = concurrent._counted(tmp_path, "DELETE", 2)
    assert (outcome.tried, outcome.right) == (32, 0)
    assert outcome.wrong == ("32 of 32 increments were lost",)


def _disk(folder: Path, *ops: Op) -> Disk:
    disk = Disk({folder: File(is_folder=True)})
    for op in ops:
        power._do(disk, op)
    return disk


def test_what_was_not_synced_may_be_lost_or_torn_and_what_was_is_there() -> None:
    folder, path = Path("/w"), Path("/w/a")
    made = (Op("create", (path,)), Op("write", (path,), 0, b"x" * 1024))
    assert power._lost(_disk(folder, *made), power.random.Random(0), 0.0) == {}
    assert power._lost(_disk(folder, *made), power.random.Random(0), 1.0) == {path: b"x" * 1024}
    named = _disk(folder, *made, Op("sync", (folder,)))
    found = {power._lost(named, power.random.Random(seed), 0.5)[path] for seed in range(20)}
    assert found == {b"", b"x" * 512, bytes(512) + b"x" * 512, b"x" * 1024}
    synced = _disk(folder, *made, Op("sync", (folder,)), Op("sync", (path,)))
    assert power._lost(synced, power.random.Random(0), 0.0) == {path: b"x" * 1024}


def test_a_rename_without_a_sync_of_its_folder_may_be_lost() -> None:
    folder, old, new = Path("/w"), Path("/w/old"), Path("/w/new")
    ops = (Op("create", (old,)), Op("sync", (folder,)), Op("rename", (old, new)))
    assert set(power._lost(_disk(folder, *ops), power.random.Random(0), 0.0)) == {old}
    assert set(power._lost(_disk(folder, *ops, Op("sync", (folder,))), power.random.Random(0), 0.0)) == {new}


def test_a_file_in_a_folder_that_was_not_synced_goes_with_it() -> None:
    home, path = Path("/w/home"), Path("/w/home/a")
    ops = (Op("mkdir", (home,)), Op("create", (path,)), Op("sync", (path,)), Op("sync", (home,)))
    assert power._lost(_disk(Path("/w"), *ops), power.random.Random(0), 0.0) == {}


def test_only_what_the_work_does_is_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    duplicate = os.dup2
    monkeypatch.setattr(os, "dup2", lambda *numbers: (time.sleep(0.5), duplicate(*numbers)))  # strace gets there first

    def work() -> int:
        (tmp_path / "made").write_text("x")
        return 0

    assert cannot_trace() == ""
    opened, *_ = write_points(work, tmp_path)
    assert (opened.call, opened.number) == ("openat", 1)
    assert "made" in opened.line


def test_the_model_of_a_disk_follows_a_file_that_is_written_back_to():
    at: dict[str, int] = {}
    held = r"3<\x2f\x77\x2f\x66>"  # /w/f
    lines = [
        ("write", rf'{held}, "\x61\x62", 2', 2),
        ("lseek", f"{held}, 1, SEEK_SET", 1),
        ("write", rf'{held}, "\x63", 1', 1),
    ]
    ops = [op for call, words, result in lines for op in _parsed(call, words, result, Path("/w"), at, "")]
    assert [(op.offset, op.data) for op in ops] == [(0, b"ab"), (1, b"c")]
