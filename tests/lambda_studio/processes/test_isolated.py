"""Python processes of ours start isolated; one that cannot start says why, and no picture is blamed."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from lambda_studio.errors import DecoderNotStarted
from lambda_studio.pictures import door as door_module
from lambda_studio.pictures.door import PictureDoor
from lambda_studio.processes import isolated

only_posix = pytest.mark.skipif(sys.platform == "win32", reason="an interpreter that is a shell script")


def interpreter(path: Path, script: str) -> str:
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


@only_posix
@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo first >&2; echo 'no \x1b[2Jlibjpeg.' >&2; echo >&2; exit 3", "no ?[2Jlibjpeg."),
        ("exit 3", "it wrote nothing and ended with exit code 3."),
        ("echo nonsense; echo why >&2", "why."),
        ("yes | head -c 3000000 >&2; echo end >&2", "end."),
        ("kill -9 $$", "it wrote nothing and ended with exit code -9."),
    ],
    ids=["says why", "says nothing", "speaks otherwise", "says much", "is killed"],
)
def test_a_decoder_that_cannot_start_says_why_and_blames_no_picture(tmp_path: Path, monkeypatch, script, said) -> None:
    monkeypatch.setattr(sys, "executable", interpreter(tmp_path / "python", script))
    with PictureDoor() as door:
        for ask in (lambda: door.photo(tmp_path / "a.png"), lambda: door.picture_fault(b"x", (48, 40))):
            with pytest.raises(DecoderNotStarted) as caught:
                ask()
            assert caught.value.cause == f"The process that opens pictures cannot be started: {said}"
            assert caught.value.remedy.startswith("No picture is at fault. Check that Python and Pillow work: ")
            assert caught.value.exit_code == 7


def test_an_interpreter_that_is_gone_is_said_too(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "gone"))
    with PictureDoor() as door, pytest.raises(DecoderNotStarted, match="cannot be started: No such file or directory"):
        door.photo(tmp_path / "a.png")


@only_posix
def test_a_decoder_that_never_says_that_it_is_ready_is_not_waited_for(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(sys, "executable", interpreter(tmp_path / "python", "echo stuck >&2; exec sleep 100"))
    monkeypatch.setattr(door_module, "START_SECONDS", 0.3)
    with PictureDoor() as door, pytest.raises(DecoderNotStarted, match=r"cannot be started: stuck\."):
        door.photo(tmp_path / "a.png")


def test_what_the_interpreter_says_of_a_package_that_is_not_whole_is_told(monkeypatch, tmp_path: Path) -> None:
    (tmp_path / "lambda_studio").mkdir()
    (tmp_path / "lambda_studio" / "__init__.py").write_text("raise ImportError('no libz')", encoding="utf-8")
    monkeypatch.setattr(isolated, "_folder_of", lambda name: str(tmp_path))
    with PictureDoor() as door, pytest.raises(DecoderNotStarted, match=r"cannot be started: ImportError: no libz\."):
        door.photo(tmp_path / "a.png")


def test_an_environment_is_what_is_named_and_nothing_else(monkeypatch) -> None:
    hidden = {"PYTHONPATH": ".", "HF_TOKEN": "x", "STUDIO_DATABASE": "x", "PGPASSWORD": "x", "LD_PRELOAD": "x"}
    kept = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TMPDIR": "/tmp", "LD_LIBRARY_PATH": "/lib"}
    for name, value in {**hidden, **kept}.items():
        monkeypatch.setenv(name, value)
    given = isolated.environment(OMP_NUM_THREADS="1")
    assert kept.items() <= given.items()
    assert given["OMP_NUM_THREADS"] == "1"
    assert not hidden.keys() & given.keys()
    assert all(name in isolated.KEPT_NAMES or name.startswith(isolated.KEPT_PREFIXES) for name in given)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc shows a process's folder, environment and network")
def test_the_decoder_has_another_folder_no_secret_and_no_network(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "secret")
    monkeypatch.chdir(tmp_path)
    Image.effect_noise((48, 40), 90).convert("RGB").save("a.png")
    with PictureDoor() as door:
        door.photo(Path("a.png"))
        of = Path(f"/proc/{door._process.pid}")
        assert (of / "cwd").readlink() == Path("/")
        assert b"secret" not in (of / "environ").read_bytes()
        if not may_cut_network():
            pytest.skip("this system lets no process give up its network")
        assert (of / "ns/net").readlink() != Path("/proc/self/ns/net").readlink()


def may_cut_network() -> bool:
    """Ask a process of its own, for what it gives up is gone."""
    code = "import sys; from lambda_studio.processes.offline import cut_network; sys.exit(not cut_network())"
    return subprocess.run([sys.executable, "-c", code]).returncode == 0


POOL = """
import os, time
from lambda_studio.processes.isolated import pool

if __name__ == "__main__":
    with pool(1, int, ()) as processes:
        print(processes.submit(os.getpid).result(), flush=True)
        time.sleep(60)
"""


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are looked up in /proc")
def test_the_workers_of_a_process_that_is_killed_end(tmp_path: Path) -> None:
    (tmp_path / "started.py").write_text(POOL, encoding="utf-8")
    with subprocess.Popen([sys.executable, str(tmp_path / "started.py")], stdout=subprocess.PIPE, cwd="/") as parent:
        assert parent.stdout is not None
        worker = Path("/proc") / parent.stdout.readline().decode().strip() / "exe"
        assert worker.exists()
        parent.kill()
    end = time.monotonic() + 30
    while worker.exists():  # an ended process that nobody has asked about has no program
        assert time.monotonic() < end, "the worker is left"
        time.sleep(0.05)
