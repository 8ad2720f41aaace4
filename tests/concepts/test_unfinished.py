"""What a killed process leaves beside its target goes with the next one, and nothing else does."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from concepts.database import Database
from concepts.durable import give_name
from concepts.stores import sqlite_upkeep
from concepts.unfinished import LOCK, sweep, unfinished

WRITER = """
import sys
from pathlib import Path
from concepts.unfinished import unfinished

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
    assert hidden(tmp_path) == [f"{living.name}-journal"]


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
        give_name(path, tmp_path / "a")
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
        give_name(new, taken)
    give_name(new, free)
    assert (taken.read_text(), free.read_text()) == ("taken", "new")


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
