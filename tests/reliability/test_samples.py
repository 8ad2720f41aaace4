"""A small share of every harness: that it finds what it is made to find is shown by the harnesses' own tests."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.reliability.__main__ import harnesses

ROOT = Path(__file__).parents[2]
SHARE = 0.002


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the runner wrote, all harnesses in one process as `make reliability` runs them."""
    if shutil.which("strace") is None and os.environ.get("CI") != "true":
        pytest.skip("the reliability sample was not run: strace is not installed")
    out = tmp_path_factory.mktemp("reliability") / "report.md"
    names = sorted(name for name in harnesses() if not name.startswith("hostile"))  # test_hostile_samples has those
    words = [sys.executable, "-m", "tests.reliability", *names, "--share", str(SHARE), "--out", str(out)]
    ended = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert out.exists(), ended.stderr
    kept: dict[str, Any] = json.loads(out.with_suffix(".json").read_text())
    wrong = any(each["wrong"] for found in kept["done"].values() for each in found["outcomes"])
    assert ended.returncode == int(wrong), ended.stderr
    return kept["done"]


def test_every_fault_of_the_sample_is_answered_right(done: dict[str, Any]) -> None:
    outcomes: list[dict[str, Any]] = [each for found in done.values() for each in found["outcomes"]]
    assert len(outcomes) > 10
    assert [line for each in outcomes for line in each["wrong"]] == []
    outcomes = [each for each in outcomes if each["target"]]  # a journal that this SQLite must not use has none
    if os.environ.get("CI") != "true":
        outcomes = [each for each in outcomes if each["tried"] or not each["note"].startswith("Not tried")]
    assert [each["fault"] for each in outcomes if not each["tried"] or each["right"] != each["tried"]] == []
