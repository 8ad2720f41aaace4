"""The figures of a report: kept by harness, merged, and compared with those of another run."""

import json
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from tests.reliability.report import machine

Found = dict[str, Any]
"""What one run of a harness gave: share, seed, seconds, date, commit, machine and outcomes."""
ROOT = Path(__file__).parents[2]


def read(report: Path) -> dict[str, Found]:
    """Return the figures beside a report, by harness; none where there is no report."""
    kept = report.with_suffix(".json")
    return dict(json.loads(kept.read_text())["done"]) if kept.exists() else {}


def write(report: Path, done: dict[str, Found]) -> None:
    """Write the figures beside a report."""
    report.parent.mkdir(parents=True, exist_ok=True)
    report.with_suffix(".json").write_text(json.dumps({"done": done}, indent=1) + "\n")


def stamp() -> dict[str, str]:
    """Return the day, the commit (with + where files differ from it) and the machine of a run."""
    return {"date": date.today().isoformat(), "commit": _commit(), "machine": machine()}


def is_done(found: Found | None, share: float, seed: int, now: dict[str, str]) -> bool:
    """Whether a harness has run so, here and at this commit."""
    wanted = {"share": share, "seed": seed, "commit": now["commit"], "machine": now["machine"]}
    return found is not None and all(found.get(key) == value for key, value in wanted.items())


def differences(before: Found | None, after: Found) -> Iterator[str]:
    """What is not as it was: rows that came or went, and figures that changed. Times and machines do not count."""
    then = {each["fault"]: each for each in (before or {"outcomes": []})["outcomes"]}
    now = {each["fault"]: each for each in after["outcomes"]}
    for fault in then.keys() - now.keys():
        yield f"{fault}: no longer tried"
    for fault, each in now.items():
        if fault not in then:
            yield f"{fault}: new, {each['right']:,} of {each['tried']:,} right"
            continue
        figures = [f"{one['right']:,} of {one['tried']:,} right" for one in (then[fault], each)]
        if figures[0] != figures[1]:
            yield f"{fault}: {figures[0]} before, {figures[1]} now"


def _commit() -> str:
    def said(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()

    return said("rev-parse", "--short", "HEAD") + ("+" if said("status", "--porcelain", "--untracked-files=no") else "")
