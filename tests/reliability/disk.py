"""A disk that is full, fails or may not be written: at each system call, for once or from then on."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.reliability.outcome import Harness, Outcome
from tests.reliability.rehearsal import Rehearsal
from tests.reliability.tracing import Ended, Point, cannot_trace, even, inject, run_apart
from tests.reliability.world import COMMANDS, Command, World, made_world

FAULTS = {
    "ENOSPC": ("pwrite64", "write", "openat", "mkdir", "link", "rename", "ftruncate", "fallocate"),
    "EIO": ("pwrite64", "write", "fsync", "fdatasync", "unlink", "rename", "link", "ftruncate"),
    "EROFS": ("openat", "unlink", "rename", "link", "mkdir", "ftruncate"),
}
"""Which calls each fault can come from."""
TRIED = ("add", "add, no home yet", "import", "export", "upgrade 0001", "backup", "restore", "forget", "fine-tune")
TARGET = 1000
EXIT_CODE = 7


def run(share: float, folder: Path, seed: int) -> list[Outcome]:
    """Faults of calls by strace; then a file system that is full, and files that may not be written or are locked."""
    world = made_world()
    commands = [command for command in COMMANDS if command.name in TRIED]
    outcomes = [_of_command(world, command, share, folder / "tries", seed) for command in commands]
    return [*outcomes, _full(world, folder / "full", share), _read_only(world, folder / "ro"), _locked(world, folder)]


def told_well(ended: Ended) -> str:
    """What is wrong with how a failure was told; "" where it is one line of cause and one of remedy."""
    lines = [line for line in ended.err.strip().splitlines() if not line.startswith(("Note:", "Library "))]
    if ended.signal or ended.code != EXIT_CODE:
        return f"it ended with {ended.code or ended.signal}: {' '.join(lines)[:200]}"
    if "Traceback" in ended.err or "fault of ours" in ended.err:
        return f"it was not told for a person: {ended.err.strip()[:200]}"
    if len(lines) != 2 or not lines[0].startswith("Error: ") or not lines[1].startswith("  → "):
        return f"it is not a line of cause and a line of remedy: {ended.err.strip()[:200]}"
    return ""


def _of_command(world: World, command: Command, share: float, folder: Path, seed: int) -> Outcome:
    fault = f"ENOSPC, EIO, EROFS: {command.name}"
    if why := cannot_trace():
        return Outcome(fault=fault, tried=0, right=0, target=0, note=f"Not tried: {why}.")
    rehearsal = Rehearsal(world, command, folder)
    every = [
        (point, error, onwards)
        for error, calls in FAULTS.items()
        for point in rehearsal.points
        if point.call in calls and not point.says
        for onwards in ((False, True) if point.call != "write" else (False,))  # a pipe is never full of ENOSPC
    ]
    wrong: list[str] = []
    tried = right = 0
    chosen = even(every, share * TARGET / 4 / len(every) if len(every) > TARGET / 4 else share, seed)
    for point, error, onwards in chosen:
        found = _try(rehearsal, point, error, onwards)
        tried, right = tried + 1, right + (not found)
        wrong += [f"{command.name}, {error} {'from' if onwards else 'at'} {point.call} {point.number}: {found}"] * bool(found)
        print(f"\r  disk, {command.name}: {tried} of {len(chosen)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    note = f"of {len(every)} faults of single calls and of all from one on"
    return Outcome(fault=fault, tried=tried, right=right, target=min(len(every), TARGET // 4), wrong=tuple(wrong[:20]), note=note)


def _try(rehearsal: Rehearsal, point: Point, error: str, onwards: bool) -> str:
    rehearsal.start()
    ended = rehearsal.do(inject(point, f"error={error}", onwards))
    judged, again = rehearsal.judge_and_repeat()
    if not judged.sides:
        return judged.why
    if ended.code == 0:  # SQLite and the rest may do without some calls
        return "" if "after" in judged.sides else "it said that all was well, and it is as before"
    return told_well(ended) or again


def _full(world: World, folder: Path, share: float) -> Outcome:
    """Real file systems of several sizes, too small for what is to be written."""
    folder.mkdir(parents=True, exist_ok=True)
    fault = "a file system that is full"
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "t", folder], check=False).returncode:
        return Outcome(fault=fault, tried=0, right=0, target=20, note="Not tried: no tmpfs can be mounted here.")
    subprocess.run(["umount", folder], check=True)
    commands = [command for command in COMMANDS if command.name in ("add", "import", "export", "backup")]
    wrong: list[str] = []
    tried = 0
    for spare in even([4, 16, 40, 80, 120], max(share, 0.2)):
        for command in commands:
            tried += 1
            found = _on_full(world, command, folder, spare)
            wrong += [f"{command.name} with {spare} KiB left: {found}"] * bool(found)
    return Outcome(fault=fault, tried=tried, right=tried - len(wrong), target=20, wrong=tuple(wrong), note="tmpfs of some KiB more than the home")


def _on_full(world: World, command: Command, folder: Path, spare_kib: int) -> str:
    source = world.templates / command.home
    size = sum(-(-path.stat().st_size // 4096) * 4 for path in source.rglob("*")) + spare_kib + 64
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}k", "t", folder], check=True)
    try:
        place = folder / "world"
        shutil.copytree(source, place)
        while shutil.disk_usage(folder).free > spare_kib * 1024:
            with (folder / "filler").open("ab") as filler:
                filler.write(bytes(4096))
        before = run_apart(lambda: _say(world.seen(place)), folder.parent).out
        ended = run_apart(lambda: world.call(place, command.words), folder.parent)
        after = run_apart(lambda: _say(world.seen(place)), folder.parent)
        if ended.code == 0:
            return "" if after.code == 0 else after.err
        return told_well(ended) or ("" if after.out == before else f"something half done was kept: {after.err}")
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def _say(text: str) -> int:
    print(text)
    return 0


def _read_only(world: World, folder: Path) -> Outcome:
    """A database that may only be read, alone or with its folder, as somebody who is not root meets it."""
    writing = [command for command in COMMANDS if command.name in ("add", "edit", "import", "forget", "backup")]
    wrong: list[str] = []
    tried = 0
    for command in writing:
        for target in ("home/studio.sqlite3", "home"):
            if command.name == "backup" and target != "home":
                continue  # a copy needs nothing of the file but to be read
            place = world.fresh(command.home, folder / "world")
            for path in [place, *place.rglob("*")]:
                os.chown(path, *NOBODY)
            (place / target).chmod(0o555)
            ended = run_apart(_as_nobody(lambda: world.call(place, command.words)), folder)
            (place / target).chmod(0o755)
            tried += 1
            found = told_well(ended) or _changed(world, command, place, folder)
            wrong += [f"{command.name}, {target} is read-only: {found}"] * bool(found)
    return Outcome(fault="a database or home that may not be written", tried=tried, right=tried - len(wrong), target=tried, wrong=tuple(wrong), note="by permissions, as another user than root")


NOBODY = (65534, 65534)


def _as_nobody(work: Callable[[], int]) -> Callable[[], int]:
    def done() -> int:
        os.setgid(NOBODY[1])
        os.setuid(NOBODY[0])
        return work()

    return done


def _changed(world: World, command: Command, place: Path, folder: Path) -> str:
    now = run_apart(lambda: _say(world.seen(place)), folder)
    was = run_apart(lambda: _say(world.seen(world.fresh(command.home, folder / "was"))), folder)
    return "" if now.out == was.out else f"something was changed: {now.err}"
