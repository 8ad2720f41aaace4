"""A run has one holder, and files that no row explains are found."""

import os
import signal
import subprocess
import sys

import pytest

from lambda_studio.errors import FilesLeft, RunInUse
from lambda_studio.workflows.home import adapters_folder, run_folder, run_lock
from lambda_studio.workflows.run_files import (
    adapters_without_row,
    delete_checkpoints,
    delete_run,
    find_info,
    holding,
    is_held,
    require_deleted,
    runs_without_row,
    saved_step,
    size_of,
)

HOLD = """
import sys, time
from pathlib import Path
from lambda_studio.workflows.run_files import holding

with holding(Path(sys.argv[1]), [3], ""):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_run_has_one_holder_and_others_are_told_its_number(tmp_path) -> None:
    with holding(tmp_path, [3, 4], "Wait."):
        told = r"^Another process is working on run 4\. Wait\.$"
        with pytest.raises(RunInUse, match=told), holding(tmp_path, [5, 4], "Wait."):
            pass
        with holding(tmp_path, [5], "Wait."):  # the refusal above let go of it
            pass
    with holding(tmp_path, [3, 4], "Wait."):
        pass


def test_a_killed_holder_lets_go(tmp_path) -> None:
    words = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(RunInUse), holding(tmp_path, [3], ""):
            pass
        os.kill(holder.pid, signal.SIGKILL)
    with holding(tmp_path, [3], ""):
        assert run_lock(tmp_path, 3).exists()


def test_checkpoints_are_deleted_where_there_are_some(tmp_path) -> None:
    (run_folder(tmp_path, 1) / "checkpoints" / "step-1").mkdir(parents=True)
    run_folder(tmp_path, 2).mkdir()
    assert delete_checkpoints(tmp_path, [1, 2, 3]) == ((1,), ())
    assert [path.name for path in run_folder(tmp_path, 1).iterdir()] == []


def test_files_without_a_row_are_found_and_other_names_are_not(studio, put, plain) -> None:
    version = put("rex", plain("red")).version_id
    known, lost = "a" * 64, "b" * 64
    folder = adapters_folder(studio.home)
    folder.mkdir()
    for name in (f"{known}.safetensors", f"{lost}.safetensors", "notes.txt", f".{lost}.safetensors"):
        (folder / name).write_bytes(b"")
    given = ("default", known, f"{known}.safetensors", "lora", "tiny", {}, [version])
    studio.database.write(lambda registry: registry.add_adapter(*given))
    run = studio.database.write(lambda registry: registry.start_run("default", "finetune", {}, [version]))
    for number in (run, 77):
        run_folder(studio.home, number).mkdir(parents=True)
    (studio.home / "runs" / "notes").mkdir()
    (studio.home / "runs" / "5.lock").write_text("")
    with studio.database.reading() as registry:
        assert adapters_without_row(studio.home, registry) == [folder / f"{lost}.safetensors"]
        assert runs_without_row(studio.home, registry) == [run_folder(studio.home, 77)]


def test_a_file_that_is_no_adapter_says_nothing(tmp_path) -> None:
    (tmp_path / "a").write_bytes(b"half")
    assert find_info(tmp_path / "a") is None
    assert find_info(tmp_path / "missing") is None


def test_what_a_run_has_on_disk_is_told_and_deleted(tmp_path) -> None:
    assert (saved_step(tmp_path, 3), size_of(run_folder(tmp_path, 3)), is_held(tmp_path, 3)) == (None, 0, False)
    for name in ("step-00000090", "step-00000100.2", "step-00000100", "half-00000200"):
        (run_folder(tmp_path, 3) / "checkpoints" / name).mkdir(parents=True)
    (run_folder(tmp_path, 3) / "checkpoints" / "step-00000090" / "unet.pt").write_bytes(bytes(7))
    (run_folder(tmp_path, 3) / "loss.jsonl").write_bytes(bytes(5))
    assert (saved_step(tmp_path, 3), size_of(run_folder(tmp_path, 3))) == (100, 12)
    with holding(tmp_path, [3], ""):
        assert is_held(tmp_path, 3)
    assert not is_held(tmp_path, 3)
    assert delete_run(tmp_path, 3) == ()
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_folder_on_another_disk_is_not_deleted_through_its_link_and_is_told(tmp_path) -> None:
    (tmp_path / "disk" / "step-1").mkdir(parents=True)
    run_folder(tmp_path, 1).mkdir(parents=True)
    (run_folder(tmp_path, 1) / "checkpoints").symlink_to(tmp_path / "disk")
    run_folder(tmp_path, 2).symlink_to(tmp_path / "disk")
    assert delete_checkpoints(tmp_path, [1]) == ((), (run_folder(tmp_path, 1) / "checkpoints",))
    left = delete_run(tmp_path, 2)
    assert left == (run_folder(tmp_path, 2),)
    assert (tmp_path / "disk" / "step-1").exists()
    with pytest.raises(FilesLeft, match=r"Run 2 is dropped, but these files could not be deleted: .*runs/2\."):
        require_deleted(left, "Run 2 is dropped")


def test_files_that_cannot_be_deleted_are_told(tmp_path, monkeypatch) -> None:
    folder = run_folder(tmp_path, 1) / "checkpoints" / "step-1"
    folder.mkdir(parents=True)
    (folder / "unet.pt").touch()
    monkeypatch.setattr("os.rmdir", refuse)
    monkeypatch.setattr("os.unlink", refuse)
    assert delete_checkpoints(tmp_path, [1]) == ((), (folder / "unet.pt",))


def refuse(*_: object, **__: object) -> None:
    raise PermissionError(1, "Operation not permitted")
