"""A disk that is full, fails or may not be written: at each system call, for once or from then on."""

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

from concepts.stores import sqlite_engine
from tests.reliability.outcome import Harness, Outcome
from tests.reliability.rehearsal import Rehearsal, rehearsal
from tests.reliability.tracing import Ended, Point, cannot_trace, even, inject, run_apart
from tests.reliability.world import COMMANDS, Command, World, made_world

FAULTS = {
    "ENOSPC": ("pwrite64", "write", "openat", "mkdir", "link", "rename", "ftruncate", "fallocate"),
    "EIO": ("pwrite64", "write", "fsync", "fdatasync", "unlink", "rename", "link", "ftruncate"),
    "EROFS": ("openat", "unlink", "rename", "link", "mkdir", "ftruncate"),
}
"""Which calls each fault can come from."""
TRIED = ("add", "add, no home yet", "import", "export", "upgrade 0001", "backup", "restore", "forget", "fine-tune")
TARGET_EACH = 125
"""Of each command, which makes 1,000 of all."""
EXIT_CODE = 7
UNASKED = ("Note:", "Library ", "Waiting ", "Written before the stop:", "Masks drawn:", "To correct ")
"""How lines begin that are said beside an error."""
SPARE_KIB = (4, 16, 40, 80, 120)


def run(share: float, folder: Path, seed: int) -> list[Outcome]:
    """Faults of calls by strace; then a file system that is full, and files that may not be written or are locked."""
    world = made_world()
    commands = [command for command in COMMANDS if command.name in TRIED]
    outcomes = [of_command(world, command, share, seed) for command in commands]
    folder.mkdir(exist_ok=True)
    return [*outcomes, _full(world, folder, share), _read_only(world, folder, share), _locked(world, folder, share)]


def told_well(ended: Ended) -> str:
    """What is wrong with how a failure was told; "" where it is one line of cause and one of remedy."""
    lines = [line for line in ended.err.strip().splitlines() if not line.startswith(UNASKED)]
    if ended.signal or ended.code != EXIT_CODE:
        return f"it ended with {ended.code or ended.signal}: {' '.join(lines)[:200]}"
    if "Traceback" in ended.err or "Internal error" in ended.err:
        return f"it was not told for a person: {ended.err.strip()[:200]}"
    if len(lines) != 2 or not lines[0].startswith("Error: ") or not lines[1].startswith("  → "):
        return f"it is not a line of cause and a line of remedy: {ended.err.strip()[:200]}"
    return ""


def of_command(world: World, command: Command, share: float, seed: int) -> Outcome:
    fault = f"ENOSPC, EIO, EROFS: {command.name}"
    if why := cannot_trace():
        return Outcome(fault=fault, tried=0, right=0, target=0, note=f"Not tried: {why}.")
    done = rehearsal(world, command)
    every = [
        (point, error, onwards)
        for error, calls in FAULTS.items()
        for point in done.points
        if point.call in calls and not point.says
        for onwards in ((False, True) if point.call != "write" else (False,))  # a pipe is never full of ENOSPC
    ]
    wrong: list[str] = []
    tried = right = 0
    full = even(every, TARGET_EACH / len(every), seed) if len(every) > TARGET_EACH else every
    chosen = even(full, share)
    for point, error, onwards in chosen:
        found = _try(done, point, error, onwards)
        tried, right = tried + 1, right + (not found)
        wrong += [f"{command.name}, {error} {'from' if onwards else 'at'} {point.call} {point.number}: {found}"] * bool(
            found
        )
        print(f"\r  disk, {command.name}: {tried} of {len(chosen)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    note = f"{tried} of {len(every)} faults: one system call fails, or this call and all later ones fail"
    return Outcome(fault=fault, tried=tried, right=right, target=len(full), wrong=tuple(wrong[:20]), note=note)


def _try(rehearsal: Rehearsal, point: Point, error: str, onwards: bool) -> str:
    rehearsal.start()
    ended = rehearsal.do(inject(point, f"error={error}", onwards))
    judged, again = rehearsal.judge_and_repeat()
    if not judged.sides:
        return judged.why
    if ended.code == 0:  # SQLite and the rest may do without some calls
        return "" if "after" in judged.sides else "it said that all was well, and it is as before"
    return told_well(ended) or again


def _named(*names: str) -> list[Command]:
    return [command for command in COMMANDS if command.name in names]


def _full(world: World, folder: Path, share: float) -> Outcome:
    """Real file systems of several sizes, too small for what is to be written."""
    fault = "a file system that is full"
    cases = [(command, spare) for command in _named("add", "import", "export", "backup") for spare in SPARE_KIB]
    if os.geteuid() != 0 or not _mounted(folder, 64):
        return Outcome(fault=fault, tried=0, right=0, target=len(cases), note="Not tried: no tmpfs can be mounted.")
    subprocess.run(["umount", folder / "full"], check=True)
    chosen = even(cases, share)
    found = [
        (f"{command.name}, {spare} KiB left", _on_full(world, command, folder, spare)) for command, spare in chosen
    ]
    return _outcome(fault, found, len(cases), "a tmpfs with 4 to 120 KiB free")


def _outcome(fault: str, found: list[tuple[str, str]], target: int, note: str) -> Outcome:
    wrong = tuple(f"{case}: {why}" for case, why in found if why)
    return Outcome(
        fault=fault, tried=len(found), right=len(found) - len(wrong), target=target, wrong=wrong[:20], note=note
    )


def _mounted(folder: Path, kib: int) -> bool:
    (folder / "full").mkdir(exist_ok=True)
    words = ["mount", "-t", "tmpfs", "-o", f"size={kib}k", "t", str(folder / "full")]
    return subprocess.run(words, check=False, capture_output=True).returncode == 0


def _on_full(world: World, command: Command, folder: Path, spare_kib: int) -> str:
    source, full = world.templates / command.home, folder / "full"
    pages = sum(-(-path.stat().st_size // 4096) + 1 for path in source.rglob("*"))
    if not _mounted(folder, pages * 4 + spare_kib + 64):
        return "the tmpfs could not be mounted"
    try:
        place = full / "world"
        shutil.copytree(source, place)
        while shutil.disk_usage(full).free > spare_kib * 1024:
            with (full / "filler").open("ab") as filler:
                filler.write(bytes(4096))
        ended = run_apart(lambda: world.call(place, command.words), folder)
        (full / "filler").unlink()
        if ended.code:
            return told_well(ended) or _changed(world, command, place, folder)
        looked_at = run_apart(lambda: _say(world.seen(place)), folder)
        return looked_at.err if looked_at.code else ""
    finally:
        subprocess.run(["umount", "-l", full], check=True)


def _say(text: str) -> int:
    print(text)
    return 0


def _read_only(world: World, folder: Path, share: float) -> Outcome:
    """A database that may only be read, alone or with its folder, as somebody who is not root meets it."""
    fault = "a database or home that may not be written"
    writing = _named("add", "edit", "import", "forget")
    cases = [(command, target) for command in writing for target in ("home/studio.sqlite3", "home")]
    if os.geteuid() != 0:
        return Outcome(fault=fault, tried=0, right=0, target=len(cases), note="Not tried: needs root, to be another.")
    chosen = even(cases, share)
    found = [(f"{command.name}, {target}", _on_read_only(world, command, folder, target)) for command, target in chosen]
    return _outcome(fault, found, len(cases), "permissions forbid it, for a user who is not root")


def _on_read_only(world: World, command: Command, folder: Path, target: str) -> str:
    place = world.fresh(command.home, folder / "world")
    for shown in (folder, world.folder):
        shown.chmod(0o755)  # others have to get there
    for path in [place, *place.rglob("*")]:
        os.chown(path, *NOBODY)
    mode = (place / target).stat().st_mode
    (place / target).chmod(mode & ~0o222)

    def work() -> int:
        os.setgid(NOBODY[1])
        os.setuid(NOBODY[0])
        return world.call(place, command.words)

    ended = run_apart(work, folder)
    (place / target).chmod(mode)
    return told_well(ended) or _changed(world, command, place, folder)


NOBODY = (65534, 65534)
"""A user and group that own nothing else."""


def _changed(world: World, command: Command, place: Path, folder: Path) -> str:
    shutil.rmtree(folder / "now", ignore_errors=True)
    copy = shutil.copytree(place, folder / "now")  # to look at a world may take room, which its own disk has not
    now = run_apart(lambda: _say(world.seen(copy)), folder)
    was = run_apart(lambda: _say(world.seen(world.fresh(command.home, folder / "was"))), folder)
    return "" if now.out == was.out else f"something was changed: {now.err}"


HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
"""
WAITED = "Waiting for another process"


def _locked(world: World, folder: Path, share: float) -> Outcome:
    """Another process writes: for a while, and for longer than we wait (3 seconds here, a notice after 1)."""
    writing = _named("add", "import", "forget", "adapter remove")
    cases = [(command, released) for command in writing for released in (False, True)]
    chosen = even(cases, share)
    found = [
        (f"{command.name}, released: {released}", _on_locked(world, command, folder, released))
        for command, released in chosen
    ]
    return _outcome(
        "a locked database",
        found,
        len(cases),
        "the lock is released in time, or never; the wait is 3 seconds here and 30 in use",
    )


def _on_locked(world: World, command: Command, folder: Path, released: bool) -> str:
    place = world.fresh(command.home, folder / "world")
    words = [sys.executable, "-c", HOLD, str(place / "home/studio.sqlite3")]
    holder = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdin is not None and holder.stdout is not None
    holder.stdout.readline()
    over = threading.Event()
    letting_go = threading.Thread(target=_let_go, args=(holder.stdin, folder / "stderr", over))

    def work() -> int:
        sqlite_engine.BUSY_SECONDS, sqlite_engine.NOTICE_SECONDS = (60, 1) if released else (3, 1)
        return world.call(place, command.words)

    (folder / "stderr").unlink(missing_ok=True)
    if released:
        letting_go.start()
    ended = run_apart(work, folder)
    over.set()
    if released:
        letting_go.join()
    holder.kill()
    holder.stdin.close()
    holder.stdout.close()
    holder.wait()
    if WAITED not in ended.err:
        return f"nobody was told that it waits: {ended.err.strip()[:200]}"
    if released:
        return "" if ended.code == 0 else f"it ended with {ended.code}: {ended.err.strip()[:200]}"
    return told_well(ended) or _changed(world, command, place, folder)


def _let_go(lock: IO[bytes], said: Path, over: threading.Event) -> None:
    """Release the lock when the notice has been given."""
    while not over.wait(0.05):
        if said.exists() and WAITED in said.read_text():
            lock.write(b"\n")  # closing would not do: the work is a fork, and holds the other end too
            lock.flush()
            return


HARNESSES: dict[str, Harness] = {"disk": run}
