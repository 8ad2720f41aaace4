"""The first file of an isolated process: named packages are found where they are named, and nothing else is."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lambda_studio.processes import isolated_start
from lambda_studio.processes.isolated_start import NamedPackages

HERE = Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two packages."""
    for name in ("wanted", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"found = {name!r}", encoding="utf-8")
    (tmp_path / "wanted" / "told.py").write_text(
        "import sys, wanted\nprint(__name__, wanted.found, sys.argv)\n"
        "try:\n    import other\nexcept ImportError as error:\n    print(error)\n",
        encoding="utf-8",
    )
    return tmp_path


def test_a_package_is_found_in_the_folder_that_is_named_for_it_and_no_other_is(folder: Path) -> None:
    finder = NamedPackages({"wanted": str(folder)})
    found = finder.find_spec("wanted")
    assert found is not None and found.origin == str(folder / "wanted" / "__init__.py")
    assert finder.find_spec("other") is None
    assert finder.find_spec("wanted.told") is None, "a package finds its own modules"


def test_a_module_is_run_with_its_words_and_sees_only_what_was_named(folder: Path) -> None:
    folders = json.dumps({"wanted": str(folder), "lambda_studio": str(HERE)})
    command = [sys.executable, "-I", isolated_start.__file__, folders, "wanted.told", "a", "b c"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    first, second = done.stdout.splitlines()
    assert first.startswith("__main__ wanted [") and first.endswith("'a', 'b c']")
    assert second == "No module named 'other'"
