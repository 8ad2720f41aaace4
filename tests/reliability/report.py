"""docs/reliability.md, from the outcomes of a run."""

import os
import platform
import shlex
import sqlite3
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

MUTATED = ", mutated"
"""The end of the faults whose trials are files with random changes. They outnumber all others, so they count apart."""
NOT_COVERED = """\
- A real power loss: no machine was switched off. The recorded system calls of a command are replayed on a model of a
  disk. The model keeps all synced data. It keeps an arbitrary part of the unsynced data, in blocks of 512 bytes, and
  applies the changes of a folder in their order.
- A kill inside a system call. The trials kill between system calls; inside a call, the file system is responsible.
- Disks that report a sync that they did not do, and memory errors while a picture is processed.
- `concepts edit --drop N` that is killed after its work and before its answer. N is the image's position, and the
  positions have changed. Look at the concept before you repeat the command.
- Network access of the process that opens pictures: it has a network on macOS, on Windows, and where a container or
  AppArmor forbids namespaces.
- Windows and macOS: the trials need Linux and strace.
"""


PAGE = """\
# What survives, measured

`make reliability` writes this page; do not edit it. The tests run a sample of the same trials.

Each trial causes one fault, such as a kill, a full disk or a hostile file. A trial is *right* if all of these hold:

- The command did everything or nothing.
- Everything that the command reported as done is there.
- The same command succeeds when it is run again.
- If the disk fails, the error is one line of cause and one line of remedy, with exit code 7 and no partial result.

*Tried* is the number of trials so far. *Target* is the number of trials of a full run. *Covers* says what was tried and
checked. For a power loss, fewer trials than the target mean that a command leaves fewer different states of the disk.

Each table has its date, commit and machine. A + after the commit means that there were uncommitted changes. The command
above a table runs its trials again and prints each number that is different; it writes nothing.
All tables together take {minutes} minutes.

- Faults (killed processes, replayed power losses, failing disks, concurrent writers, random command lines, files made
  by hand): **{right} of {tried} right.**
- Mutated files (adapters, bundles and pictures with random changes, each given to the code that reads it):
  **{mutated_right} of {mutated} right.**

{sections}
## What is not covered

{not_covered}"""


def report(done: Mapping[str, Mapping[str, Any]], not_run: Iterable[str]) -> str:
    """The page, as Markdown, from what the runner keeps of each harness; those that were `not_run` are named."""
    outcomes = [each for found in done.values() for each in found["outcomes"]]
    mutated = [each for each in outcomes if each["fault"].endswith(MUTATED)]
    faults = [each for each in outcomes if not each["fault"].endswith(MUTATED)]
    return PAGE.format(
        minutes=f"{sum(found['seconds'] for found in done.values()) / 60:,.0f}",
        tried=f"{sum(each['tried'] for each in faults):,}",
        right=f"{sum(each['right'] for each in faults):,}",
        mutated=f"{sum(each['tried'] for each in mutated):,}",
        mutated_right=f"{sum(each['right'] for each in mutated):,}",
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
