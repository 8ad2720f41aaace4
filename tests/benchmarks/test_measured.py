"""Numbers in README, model card and docs are those of docs/measured.json, where each has the command that gives it."""

import json
import re
import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from benchmarks import measured
from benchmarks.measured import ABOUT, MARK, MEASURED, ROOT, TEXTS, load, over_seeds, render, unmarked

ENTRIES = json.loads(MEASURED.read_text(encoding="utf-8"))
KNOWN = {"speed": {"fast": {"p50": 1234.5, "gain": {"mean": -0.004, "spread": 0.0173, "values": [0.01, -0.02]}}}}


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_every_text_has_the_numbers_that_were_measured(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text == render(text, load()), f"{path.name} is stale. Run: make measured"
    assert unmarked(text) == []


def test_readme_card_and_scale_have_marks() -> None:
    marked = {path.name for path in TEXTS if MARK.search(path.read_text(encoding="utf-8"))}
    assert marked >= {"README.md", "MODEL_CARD.md", "scale.md"}


@pytest.mark.parametrize("name", ENTRIES)
def test_every_measurement_has_a_command_that_gives_it(name: str) -> None:
    entry = ENTRIES[name]
    assert all(entry[about] for about in ABOUT)
    assert ("from" in entry) != ("values" in entry)
    assert all((ROOT / script).is_file() for script in re.findall(r"benchmarks/\S+", entry["command"]))


def test_the_date_and_commit_of_another_files_numbers_are_those_of_the_file() -> None:
    assert measured.stale() == [], "It was written anew. Run: make measured"


def test_a_number_keeps_its_decimals_its_sign_and_its_spread() -> None:
    mark = "<!-- measured: speed.fast p50 -->"
    assert render(f"It takes 1.0{mark} ms.", KNOWN) == f"It takes 1,234.5{mark} ms."
    gain = "<!-- measured: speed.fast gain -->"
    assert render(f"By +0.10{gain}", KNOWN) == f"By +0.00{gain}"
    assert render(f"By +0.100{gain}", KNOWN) == f"By -0.004{gain}"
    assert render(f"By 0.1 ± 0.1{gain}", KNOWN) == f"By 0.0 ± 0.0{gain}"
    assert render(f"By 0.1 ±\n0.1{gain}", KNOWN) == f"By 0.0 ± 0.0{gain}", "a wrapped line is mended"
    row = "| of 16 | 3 | 0.00 ± 0.00 <!-- measured: speed.fast p50 gain --> |"
    assert render(row, KNOWN) == "| of 16 | 1,234 | 0.00 ± 0.02 <!-- measured: speed.fast p50 gain --> |"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("none <!-- measured: speed.fast p50 -->", "too few numbers"),
        ("1 <!-- measured: speed.slow p50 -->", "has no speed.slow p50"),
        ("1 <!-- measured: speed fast -->", "none of its own"),
        ("It is 1\n<!-- measured: speed.fast p50 -->", "begins with a comment"),
    ],
)
def test_a_mark_that_cannot_be_filled_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        render(text, KNOWN)


def test_a_number_with_a_spread_that_no_mark_names_is_found() -> None:
    assert unmarked("0.85 ± 0.01, 0.1 ± 0.1<!-- measured: speed.fast gain --> and 3 ± 1") == ["0.85 ± 0.01", "3 ± 1"]


def test_seeds_give_a_mean_and_a_spread() -> None:
    assert over_seeds([0.1, 0.2, 0.3]) == {"mean": 0.2, "spread": 0.1, "values": [0.1, 0.2, 0.3]}
    assert over_seeds([0.5])["spread"] == 0.0


def test_a_benchmark_records_its_numbers_beside_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "MEASURED", tmp_path / "measured.json")
    monkeypatch.setattr(sys, "argv", [str(ROOT / "benchmarks" / "door_overhead.py"), "--side", "64", "--record"])
    (tmp_path / "measured.json").write_text(json.dumps({"other": {"values": {"one": 1}}}))
    measured.record("door", "times", {"picture": 1.5})
    assert load() == {"other": {"one": 1}, "door": {"picture": 1.5}}
    entry = json.loads((tmp_path / "measured.json").read_text(encoding="utf-8"))["door"]
    assert entry["command"] == "python benchmarks/door_overhead.py --side 64 --record"
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout
    assert head.startswith(entry["commit"].removesuffix("-dirty"))
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", entry["date"]) and "cores" in entry["machine"]
    script = ROOT / "benchmarks/experiments/samplers.py"
    spec = ModuleSpec("benchmarks.experiments.samplers", None, origin=str(script))
    monkeypatch.setattr(sys, "argv", [str(script), "--record"])
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", spec)
    measured.record("door", "times", {"picture": 1.5})
    entry = json.loads((tmp_path / "measured.json").read_text(encoding="utf-8"))["door"]
    assert entry["command"] == "python -m benchmarks.experiments.samplers --record"
