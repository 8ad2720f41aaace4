"""Ctrl-C is one line and code 130 from the first instruction to the last."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

BEFORE = """
import sys
from cli import start

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[1]:
            import os, signal, time
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)

sys.meta_path.insert(0, Watch())
sys.argv[:2] = ["studio"]
start.main()
"""
"""Sends SIGINT when a module is about to be imported."""
AFTER = """
import atexit, os, signal, time
from cli import start

atexit.register(lambda: (os.kill(os.getpid(), signal.SIGINT), time.sleep(0.1)))
start.main()
"""


def ended(tmp_path: Path, script: str, *words: str, **options) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "STUDIO_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-c", script, *words]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=60, **options)


@pytest.mark.parametrize("module", ["cli.main", "click", "cli.libraries.concepts", "sqlalchemy", "concepts.database"])
def test_ctrl_c_while_a_module_is_imported_is_one_line(tmp_path: Path, module: str) -> None:
    done = ended(tmp_path, BEFORE, module, "concepts")
    assert (done.returncode, done.stderr.strip()) == (130, "Stopped.")
    assert done.stdout == ""


def test_ctrl_c_after_the_answer_changes_nothing(tmp_path: Path) -> None:
    done = ended(tmp_path, AFTER, "--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("lambda-studio")


def test_a_process_that_ignores_ctrl_c_goes_on_ignoring_it(tmp_path: Path) -> None:
    words = [
        "sh",
        "-c",
        'trap \'\' INT; exec "$0" -c "$1" cli.main --version',
        sys.executable,
        BEFORE.replace("(5)", "(0)"),
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("lambda-studio")
