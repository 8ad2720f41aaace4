"""A file is there whole or not at all; what a killed process leaves goes with the next one, and nothing else does."""

import errno
import hashlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from concepts.database import Database
from concepts.durable import (
    LOCK,
    file_sha256,
    find_unfinished,
    held,
    publish,
    read_small,
    require_room,
    staged_file,
    staged_folder,
    sweep,
    unfinished,
)
from concepts.errors import StorageFailed
from concepts.stores import sqlite_upkeep

WRITER = """
import sys
from pathlib import Path
from concepts.durable import unfinished

with unfinished(Path(sys.argv[1])) as path:
    for part in ("", "-journal"):
        path.with_name(path.name + part).write_text("half")
    print(path, flush=True)
    sys.stdin.read()
"""


@contextmanager
def writer(final: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A process in the middle of writing, and the file it writes to."""
    command = [sys.executable, "-c", WRITER, str(final)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process, Path(process.stdout.readline().rstrip())


def leave(final: Path) -> Path:
    """What a process that is killed while it writes leaves behind."""
    with writer(final) as (process, path):
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert path.exists() and path.with_name(path.name + LOCK).exists()
    return path


def hidden(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob(".*"))


def test_what_a_killed_process_left_is_swept_up_by_the_next_and_that_of_a_living_one_stays(tmp_path: Path) -> None:
    left = leave(tmp_path / "rex.zip")
    assert hidden(tmp_path) == [left.name, f"{left.name}-journal", left.name + LOCK]
    with writer(tmp_path / "hat.zip") as (process, living):
        of_the_living = [living.name, f"{living.name}-journal", living.name + LOCK]
        assert hidden(tmp_path) == of_the_living, "the other one's was swept up"
        sweep(tmp_path)
        assert hidden(tmp_path) == of_the_living
        process.communicate()
    assert hidden(tmp_path) == []


def test_what_may_be_a_persons_is_not_touched(tmp_path: Path) -> None:
    sha = "0" * 32
    mine = ["notes", f".rex.zip.{sha}", f".rex.zip.{sha}.lock", f".rex{LOCK}", f"rex.zip.{sha}{LOCK}", f".a.{sha}.b"]
    for name in mine:
        (tmp_path / name).write_text("mine")
    link, folder = tmp_path / f".link.{sha}{LOCK}", tmp_path / f".folder.{sha}{LOCK}"
    link.symlink_to(tmp_path / "notes")
    folder.mkdir()
    sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*mine, link.name, folder.name])
    assert {(tmp_path / name).read_text() for name in mine} == {"mine"}


def test_nothing_is_left_of_what_ends_well_or_fails(tmp_path: Path) -> None:
    with unfinished(tmp_path / "a") as path:
        path.write_text("whole")
        publish(path, tmp_path / "a")
    with pytest.raises(OSError, match="full"), unfinished(tmp_path / "b") as path:
        path.write_text("half")
        raise OSError("full")
    assert [each.name for each in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("links", [True, False])
def test_a_name_is_never_given_over_another_file(tmp_path: Path, monkeypatch, links: bool) -> None:
    if not links:

        def refuse(source: Path, target: Path) -> None:
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr("os.link", refuse)
    new, taken, free = tmp_path / "new", tmp_path / "taken", tmp_path / "free"
    new.write_text("new"), taken.write_text("taken")
    with pytest.raises(FileExistsError, match="taken"):
        publish(new, taken)
    publish(new, free)
    assert (taken.read_text(), free.read_text()) == ("taken", "new")


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_device_a_pipe_or_a_folder_is_not_replaced_by_a_file(tmp_path: Path, make) -> None:
    make(tmp_path / "taken")
    with pytest.raises(FileExistsError, match="taken"), staged_file(tmp_path / "taken", replace=True) as staged:
        staged.write_text("new")
    assert [path.name for path in tmp_path.iterdir() if not path.is_file()] == ["taken"]


def test_an_error_of_a_write_says_which_file_it_was_about(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"No space left on device: .*a\.png"), staged_file(tmp_path / "a.png"):
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.sqlite
def test_a_backup_sweeps_up_what_a_killed_one_left_in_the_same_folder(database: Database, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    leave(out / "earlier.sqlite3")
    assert database.path is not None
    sqlite_upkeep.back_up(database.path, out / "copy.sqlite3")
    assert [path.name for path in out.iterdir()] == ["copy.sqlite3"]


def test_a_folder_that_a_killed_process_left_goes_with_all_that_is_in_it(tmp_path: Path) -> None:
    left = tmp_path / f".files.{'0' * 32}"
    (left / "deep").mkdir(parents=True)
    (left / "deep" / "1-a.jpg").write_text("half")
    left.with_name(left.name + LOCK).touch()
    with unfinished(tmp_path / "files") as path:
        assert hidden(tmp_path) == [path.name + LOCK]
        path.mkdir()
        (path / "1-a.jpg").write_text("half")
        sweep(tmp_path)
        assert hidden(tmp_path) == [path.name, path.name + LOCK], "a living one's stays"
    assert list(tmp_path.iterdir()) == []


def test_a_link_in_the_place_of_what_was_left_is_removed_and_not_followed(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "a.jpg").write_text("mine")
    left = tmp_path / f".files.{'0' * 32}"
    left.symlink_to(mine)
    left.with_name(left.name + LOCK).touch()
    sweep(tmp_path)
    assert [path.name for path in tmp_path.rglob("*")] == ["mine", "a.jpg"]


def recorded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is synced and named, in its order."""
    done: list[str] = []
    sync, link, rename = os.fsync, os.link, Path.rename

    def note_sync(descriptor: int) -> None:
        done.append("sync " + re.sub(r"[0-9a-f]{32}", "…", Path(os.readlink(f"/proc/self/fd/{descriptor}")).name))
        sync(descriptor)

    def note_link(source: Path, target: Path) -> None:
        done.append(f"link {target.name}")
        link(source, target)

    def note_rename(source: Path, target: Path) -> Path:
        done.append(f"rename {target.name}")
        return rename(source, target)

    monkeypatch.setattr("os.fsync", note_sync)
    monkeypatch.setattr("os.link", note_link)
    monkeypatch.setattr(Path, "rename", note_rename)
    monkeypatch.setattr(Path, "replace", note_rename)
    return done


def test_a_file_gets_its_name_between_the_sync_of_its_bytes_and_that_of_the_folder(tmp_path: Path, monkeypatch) -> None:
    done = recorded(monkeypatch)
    for replace in (False, True):
        with staged_file(tmp_path / "a", replace) as path:
            path.write_text("whole" if replace else "first")
    verbs = ["link a", "rename a"]
    assert done == [each for verb in verbs for each in ("sync .a.…", verb, f"sync {tmp_path.name}")]
    assert ((tmp_path / "a").read_text(), [each.name for each in tmp_path.iterdir()]) == ("whole", ["a"])


def test_a_folder_gets_its_name_when_every_file_in_it_is_durable(tmp_path: Path, monkeypatch) -> None:
    done = recorded(monkeypatch)
    with staged_folder(tmp_path / "a") as path:
        (path / "deep").mkdir()
        for name in ("1", "deep/2"):
            (path / name).write_text("whole")
    assert done == ["sync 2", "sync deep", "sync 1", "sync .a.…", "rename a", f"sync {tmp_path.name}"]
    assert [each.name for each in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_folder_is_never_published_over_what_is_there_by_then(tmp_path: Path, kind: str) -> None:
    with pytest.raises(FileExistsError, match="a'"), staged_folder(tmp_path / "a") as path:
        (path / "1").write_text("new")
        (tmp_path / "a").mkdir() if kind == "folder" else (tmp_path / "a").write_text("mine")
    assert [each.name for each in tmp_path.rglob("*")] == ["a"]


@pytest.mark.parametrize("replace", [False, True])
def test_a_disk_that_fails_leaves_what_was_there_before(tmp_path: Path, monkeypatch, replace: bool) -> None:
    final = tmp_path / "a"
    if replace:
        final.write_text("before")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"), staged_file(final, replace) as path:
        path.write_text("after")
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == ({"a": "before"} if replace else {})


def test_what_cannot_be_removed_does_not_hide_the_error_and_is_swept_up_later(tmp_path: Path, monkeypatch) -> None:
    unlink, folder = Path.unlink, tmp_path / "folder"
    folder.mkdir()

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path == staged:
            raise OSError(5, "Input/output error")
        unlink(path, missing_ok=missing_ok)

    with (
        monkeypatch.context() as failing,
        pytest.raises(ValueError, match="mine"),
        unfinished(folder / "a") as staged,
    ):
        staged.write_text("half")
        failing.setattr(Path, "unlink", refuse)
        raise ValueError("mine")
    left = [staged.with_name(staged.name + LOCK), staged]
    assert find_unfinished(folder) == find_unfinished(tmp_path, "*/") == left
    sweep(folder)
    assert list(folder.iterdir()) == []


def test_a_name_as_long_as_names_may_be_can_be_written(tmp_path: Path) -> None:
    for name in ("a" * 255, "犬" * 85):
        with staged_file(tmp_path / name) as path:
            path.write_text("whole")
        assert (tmp_path / name).read_text() == "whole"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_file_system_without_locks_is_written_to_as_well(tmp_path: Path, monkeypatch) -> None:
    for refusal in (OSError(95, "Operation not supported"), NotImplementedError("flock")):
        monkeypatch.setattr("filelock.FileLock._acquire", Mock(side_effect=refusal))
        with staged_file(tmp_path / "a", replace=True) as path:
            path.write_text(str(refusal))
        assert (tmp_path / "a").read_text() == str(refusal)


def test_too_little_room_is_refused_with_figures(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=2**20))
    require_room(tmp_path / "not" / "yet", 2**20, "It")
    cause = f"It needs 1.5 MiB, and {tmp_path} has 1.0 MiB free."
    with pytest.raises(StorageFailed, match=re.escape(cause)):
        require_room(tmp_path / "not" / "yet", 3 * 2**19, "It")


def test_the_sha_256_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc" * 10**6)
    assert file_sha256(tmp_path / "a") == hashlib.sha256(b"abc" * 10**6).hexdigest()


def test_a_lock_has_one_holder(tmp_path: Path) -> None:
    lock = tmp_path / "folder" / "a.lock"
    with held(lock) as mine:
        assert mine
        with held(lock) as other:
            assert not other
    with held(lock) as mine:
        assert mine


def test_a_small_file_is_read_and_no_other_kind_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"12345")
    assert read_small(tmp_path / "key", 5) == b"12345"
    with pytest.raises(OSError, match="it has more than 4 bytes"):
        read_small(tmp_path / "key", 4)
    os.mkfifo(tmp_path / "fifo")
    for kind in (tmp_path / "fifo", Path("/dev/null")):
        with pytest.raises(OSError, match="it is not a regular file"):
            read_small(kind, 5)
    with pytest.raises(IsADirectoryError):
        read_small(tmp_path, 5)
