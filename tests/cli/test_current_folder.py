"""Files of the current folder that have the names of modules are not executed, neither here nor in our processes."""

import os
import subprocess
import sys
from ast import literal_eval
from pathlib import Path

import pytest
from PIL import Image

NAMES = ("json", "struct", "random", "PIL", "numpy", "lambda_studio", "sitecustomize", "usercustomize")
DECOY = """
import sys
from importlib import import_module
from os.path import abspath, dirname, join

here = dirname(abspath(__file__))
with open(join(here, "executed.txt"), "a") as told:
    told.write(repr((__name__, *sys.orig_argv)) + "\\n")
decoy, path = sys.modules.pop(__name__), list(sys.path)
sys.path[:] = [entry for entry in path if abspath(entry) != here]
try:  # what asked for the real one gets it, so that only the telling shows what happened
    import_module(__name__)
except ImportError:
    sys.modules[__name__] = decoy
finally:
    sys.path[:] = path
"""
STUDIO = "from cli.start import main\nif __name__ == '__main__':\n    main()\n"
"""What an installer writes for `studio`."""
POOL = """
import os
from lambda_studio.processes.isolated import pool

if __name__ == "__main__":
    with pool(1, int, ()) as processes:
        print(processes.submit(os.getenv, "PGPASSWORD").result(), processes.submit(os.getenv, "LC_ALL").result())
"""
FOREIGN = """
from multiprocessing import get_context, resource_tracker

def main():
    resource_tracker.ensure_running()
    process = get_context("spawn").Process(target=int)
    process.start()
    process.join()
"""
"""A library that starts Python processes as it likes."""


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A folder of decoys."""
    folder = tmp_path / "hostile"
    folder.mkdir()
    for name in NAMES:
        (folder / f"{name}.py").write_text(DECOY, encoding="utf-8")
    return folder


@pytest.fixture
def call(hostile: Path, tmp_path: Path, stack_file: Path):
    """Run a script, laid somewhere else, with a hostile current folder."""

    def call(script: str, *words: object, **environment: str) -> str:
        path = tmp_path / "bin" / "script"
        path.parent.mkdir(exist_ok=True)
        path.write_text(script, encoding="utf-8")
        settled = {"STUDIO_HOME": str(tmp_path / "home"), "STUDIO_STACK": str(stack_file)}
        mine = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "STUDIO_"))}
        command = [sys.executable, str(path), *map(str, words)]
        done = subprocess.run(
            command, cwd=hostile, env={**mine, **settled, **environment}, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return call


def executed(folder: Path) -> list[tuple[str, ...]]:
    """Each decoy that was executed, with the command line of the process that did it."""
    told = folder / "executed.txt"
    return [literal_eval(line) for line in told.read_text(encoding="utf-8").splitlines()] if told.exists() else []


def test_the_decoys_tell(hostile: Path) -> None:
    subprocess.run([sys.executable, "-c", "import struct"], cwd=hostile, check=True)
    assert {told[0] for told in executed(hostile)} >= {"struct"}


def test_adding_and_importing_execute_no_file_of_the_current_folder(call, hostile: Path, photos) -> None:
    folder = hostile / "dataset" / "rex"
    folder.mkdir(parents=True)
    for photo in photos:
        photo.rename(folder / photo.name)
    # a relative path is meant from here
    said = call(STUDIO, "add-concept", "max", f"dataset/rex/{photos[0].name}", "--noun", "dog")
    assert "max" in said
    call(STUDIO, "library", "export", "max", "--out", "max.zip")
    call(STUDIO, "library", "import", "max.zip", STUDIO_HOME=str(hostile / "another home"))
    assert executed(hostile) == []


@pytest.mark.parametrize("path", [".", ":/nothing"], ids=["named", "by an empty entry"])
def test_what_a_person_lets_python_look_through_is_not_looked_through_by_our_processes(
    call, hostile: Path, tmp_path: Path, photos, path: str
) -> None:
    toml = tmp_path / "no models.toml"  # so that torch need not be imported
    toml.write_text('clip = "local-dir:/nowhere"\nprior = "/nowhere"\ndecoder = "/nowhere"\n')
    environment = {"PYTHONPATH": path.replace(":", os.pathsep), "STUDIO_STACK": str(toml)}
    call(STUDIO, "add-concept", "rex", photos[0], "--noun", "dog", **environment)
    told = executed(hostile)
    assert {name for name, *_ in told} >= {"json", "struct"}  # of the command itself: Python does that before all else
    assert [line for line in told if "add-concept" not in line] == []


def test_workers_execute_no_file_of_the_current_folder_and_are_told_no_password(call, hostile: Path) -> None:
    assert call(POOL, PGPASSWORD="secret", LC_ALL="C.UTF-8") == "None C.UTF-8\n"
    assert executed(hostile) == []


def test_processes_that_a_library_starts_do_not_either(call, hostile: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "foreign.py").write_text(FOREIGN, encoding="utf-8")
    call("import sys, foreign, cli.main\ncli.main.run = lambda args: foreign.main()\n" + STUDIO, "--help")
    assert executed(hostile) == []


def test_a_refusal_names_a_relative_path_as_it_was_given(studio, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "sub" / "small.png")
    answer = studio("add-concept", "rex", "sub/small.png", "--noun", "dog")
    assert answer.code == 5
    assert answer.err.startswith("Error: sub/small.png has 8 x 8 pixels, too few.")
