"""docs/reliability.md, from the outcomes of a run."""

import os
import platform
import sqlite3
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.reliability.outcome import Outcome

NOT_COVERED = """\
- A power loss is replayed from the calls that were recorded, on a model of a disk: what was synced is there, any of
  what was written later may be, torn at 512 bytes; a folder's changes come in their order. No machine was switched off.
- A kill comes between system calls. What a kernel does in the middle of one is the file system's.
- Disks that lie about a sync, and memory that flips bits while a picture is on its way.
- `concepts edit --drop N` names images by their place: if it was carried out and not acknowledged, look before you
  give it again.
- Windows and macOS: these harnesses need Linux and strace.
"""


def report(outcomes: Mapping[str, Sequence[Outcome]], seconds: Mapping[str, int], run: Mapping[str, Any]) -> str:
    """The page, as Markdown."""
    sections = [_section(name, found, seconds[name]) for name, found in outcomes.items()]
    tried = sum(each.tried for found in outcomes.values() for each in found)
    right = sum(each.right for found in outcomes.values() for each in found)
    return "\n".join(
        [
            "# What survives, measured",
            "",
            "Written by `make reliability`; do not edit. A sample of the same runs with the tests. *Right* means: before",
            "or after and never between, what was acknowledged is there, the same command again succeeds; for a disk that",
            "fails, also one line of cause, one of remedy and exit code 7.",
            "",
            f"This run: `python -m tests.reliability {' '.join(outcomes)} --share {run['share']:g} --seed {run['seed']}`,"
            f" {sum(seconds.values()) / 60:,.0f} minutes on {run['machine']}.",
            "",
            f"**{right:,} of {tried:,} right.** *Target* is what the specification asks of a full run; where fewer were",
            "tried, the row says so by its own figures.",
            "",
            *sections,
            "## What is not covered",
            "",
            NOT_COVERED,
        ]
    )


def machine() -> str:
    """This machine in plain words."""
    folder = Path(tempfile.gettempdir())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    from concepts.engine import file_system

    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.release().split('-')[0]}, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {file_system(folder) or 'unknown'}"
    )


def _section(name: str, outcomes: Sequence[Outcome], seconds: int) -> str:
    rows = [
        f"| {each.fault} | {each.tried:,} | {each.right:,} | {each.target:,} | {each.note} |" for each in outcomes
    ]
    wrong = [f"- wrong: {line}" for each in outcomes for line in each.wrong]
    head = [f"## {name} ({seconds / 60:,.1f} minutes)", "", "| fault | tried | right | target | covers |"]
    return "\n".join([*head, "|---|---|---|---|---|", *rows, "", *wrong, *([""] if wrong else [])])
