"""docs/reliability.md, from the outcomes of a run."""

import os
import platform
import shlex
import sqlite3
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

NOT_COVERED = """\
- A power loss is replayed from the calls that were recorded, on a model of a disk: what was synced is there, any of
  what was written later may be, torn at 512 bytes; a folder's changes come in their order. No machine was switched off.
- A kill comes between system calls. What a kernel does in the middle of one is the file system's.
- Disks that lie about a sync, and memory that flips bits while a picture is on its way.
- `concepts edit --drop N` names images by their place: if it was carried out and not acknowledged, look before you
  give it again.
- The process that opens pictures keeps its network on macOS, on Windows, and where a container or AppArmor forbids
  namespaces.
- Windows and macOS: these harnesses need Linux and strace.
"""


PAGE = """\
# What survives, measured

`make reliability` writes this page; do not edit it. The tests run a sample of the same trials.

Each trial causes one fault, such as a kill, a full disk or a hostile file. A trial is *right* if all of these hold:

- The data is as it was before the command, or as it is after it, never between.
- Everything that the command acknowledged is there.
- The same command succeeds when it is run again.
- If the disk fails, there is one line of cause, one line of remedy, exit code 7, and no partial result.

*Tried* is the number of trials so far. *Target* is the number of trials of a full run.

Each table has its date, commit and machine. A + after the commit means that there were uncommitted changes. The command
above a table runs its trials again and prints each number that is different; it writes nothing.
All tables together take {minutes} minutes.

**{right} of {tried} right.**

{sections}
## What is not covered

{not_covered}"""


def report(done: Mapping[str, Mapping[str, Any]], not_run: Iterable[str]) -> str:
    """The page, as Markdown, from what the runner keeps of each harness; those that were `not_run` are named."""
    outcomes = [each for found in done.values() for each in found["outcomes"]]
    return PAGE.format(
        minutes=f"{sum(found['seconds'] for found in done.values()) / 60:,.0f}",
        tried=f"{sum(each['tried'] for each in outcomes):,}",
        right=f"{sum(each['right'] for each in outcomes):,}",
        sections="\n".join(_section(name, found) for name, found in done.items()),
        not_covered="".join(f"- **{name}: not run yet**; it has no figures here.\n" for name in not_run) + NOT_COVERED,
    )


def machine() -> str:
    """This machine in plain words."""
    folder = Path(tempfile.gettempdir())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    from concepts.file_systems import file_system

    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.release().split('-')[0]}, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {file_system(folder) or 'unknown'}"
    )


def _section(name: str, found: Mapping[str, Any]) -> str:
    command = (
        f"python -m tests.reliability {shlex.quote(name)} --share {found['share']:g} --seed {found['seed']} --compare"
    )
    rows = [
        f"| {each['fault']} | {each['tried']:,} | {each['right']:,} | {each['target']:,} | {each['note']} |"
        for each in found["outcomes"]
    ]
    wrong = [f"- wrong: {line}" for each in found["outcomes"] for line in each["wrong"]]
    when = f"{found['seconds'] / 60:,.1f} minutes on {found['date']} at {found['commit']}, on {found['machine']}"
    head = [f"## {name}", "", f"`{command}`", "", f"{when}.", ""]
    table = ["| fault | tried | right | target | covers |", "|---|---|---|---|---|", *rows, ""]
    return "\n".join([*head, *table, *wrong, *([""] if wrong else [])])
