"""The garbage collector rests while large libraries are imported, in the process of `studio` only."""

import subprocess
import sys
from pathlib import Path

import pytest

from cli.paused_collector import PausingFinder

BEGIN = """
import gc, sys
from cli import paused_collector
sys.path.insert(0, sys.argv[1])
paused_collector.LARGE = ("outer", "outer.inner", "broken")
paused_collector.install()
"""
OUTER = """
import gc
enabled = [gc.isenabled()]
import outer.inner
enabled.append(gc.isenabled())
"""
BROKEN = """
import gc
assert not gc.isenabled()
raise ImportError("broken off")
"""


@pytest.fixture
def said(tmp_path: Path):
    """Return a function that runs a script in a process of its own, with the modules of this file."""
    (tmp_path / "outer").mkdir()
    (tmp_path / "outer" / "__init__.py").write_text(OUTER)
    (tmp_path / "outer" / "inner.py").write_text("import gc, json\nenabled = gc.isenabled()")
    (tmp_path / "broken.py").write_text(BROKEN)

    def run(script: str) -> list[str]:
        command = [sys.executable, "-c", BEGIN + script, str(tmp_path)]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()

    return run


def test_the_collector_rests_during_an_import_and_leaves_its_objects_alone(said) -> None:
    script = """
print(gc.isenabled(), gc.get_freeze_count())
import outer
print(outer.enabled, outer.inner.enabled, gc.isenabled(), gc.get_freeze_count() > 1000)
print(outer.__loader__.get_source("outer") == open(outer.__file__).read(), type(__import__("wave").__loader__).__name__)
"""
    assert said(script) == ["True 0", "[False, False] False True True", "True SourceFileLoader"]


def test_the_collector_works_again_after_an_import_that_fails(said) -> None:
    script = """
try:
    import broken
except ImportError as error:
    print(error, gc.isenabled())
"""
    assert said(script) == ["broken off True"]


def test_a_collector_that_was_off_stays_off(said) -> None:
    assert said("gc.disable()\nimport outer\nprint(gc.isenabled(), gc.get_freeze_count())") == ["False 0"]


def test_another_finder_may_find_a_large_module(said) -> None:
    script = """
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "outer":
            print("asked for", name)
sys.meta_path.insert(1, Finder())
import outer
"""
    assert said(script) == ["asked for outer"]


def test_only_the_process_of_studio_pauses_the_collector() -> None:
    assert not any(isinstance(finder, PausingFinder) for finder in sys.meta_path)
    script = "import sys; from cli.start import main; sys.argv = ['studio', '--version']; import atexit\n"
    script += "atexit.register(lambda: print([type(each).__name__ for each in sys.meta_path[:2]])); main()"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "['PausingFinder', 'LeanImports']"
