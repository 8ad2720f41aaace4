"""A piece of work in a process of its own, with strace watching its system calls or failing them."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

WRITE_CALLS = (
    "write", "writev", "pwrite64", "pwritev", "copy_file_range", "sendfile", "fallocate", "ftruncate", "truncate",
    "fsync", "fdatasync", "sync_file_range", "openat", "mkdir", "mkdirat", "rename", "renameat", "renameat2", "link",
    "linkat", "symlink", "symlinkat", "unlink", "unlinkat", "rmdir", "chmod", "fchmod", "fchmodat",
)  # fmt: skip
"""What can change a disk. Of openat only what may create or cut a file."""
CALL_SET = ",".join(f"?{call}" for call in WRITE_CALLS)  # "?": not every machine has every one of them
LONGEST_SECONDS = 300
"""After which a piece of work counts as hung."""
Item = TypeVar("Item")
_LINE = re.compile(r"(?:\d+ +)?(\w+)\((.*)")


@dataclass(frozen=True)
class Ended:
    """How a piece of work ended. `signal` is 0 where it ended by itself, else `code` is -1."""

    code: int
    signal: int
    out: str
    err: str


@dataclass(frozen=True)
class Point:
    """The `number`th of the system calls of this name, counted from 1, and what strace wrote of it."""

    call: str
    number: int
    line: str = ""

    @property
    def says(self) -> bool:
        """Whether it only tells the person something."""
        return self.line.startswith(("write(1<", "write(2<")) or " write(1<" in self.line or " write(2<" in self.line


def run_apart(work: Callable[[], int], folder: Path, strace: Sequence[str] = ()) -> Ended:
    """Do `work` in a fork, which says what it says into `folder`; with `strace`, under strace with these options."""
    said = [folder / name for name in ("stdout", "stderr")]
    # Opened here: in the child strace would sometimes be there already, and count it as a call of the work.
    opened = [os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600) for path in said]
    waiting, go = os.pipe()
    if (child := os.fork()) == 0:
        _work_in_child(work, waiting, go, opened)
    for descriptor in (waiting, *opened):
        os.close(descriptor)
    tracer = _attach(child, strace) if strace else None
    os.close(go)  # the child reads the end of the pipe, and begins
    status = _wait(child)
    if tracer is not None:
        tracer.communicate()
    ended = os.waitstatus_to_exitcode(status)
    texts = [path.read_text(errors="replace") for path in said]
    return Ended(ended if ended >= 0 else -1, max(0, -ended), *texts)


def answer_of(work: Callable[[], Any], folder: Path) -> Any:
    """What `work` gives, as JSON carries it, worked out in a fork. Raises RuntimeError with what it raises."""
    answer = folder / "answer.json"

    def write() -> int:
        answer.write_text(json.dumps(work()))
        return 0

    ended = run_apart(write, folder)
    if ended.code or ended.signal:
        raise RuntimeError(ended.err.strip() or f"ended by signal {ended.signal}")
    found = json.loads(answer.read_text())
    answer.unlink()
    return found


def write_points(work: Callable[[], int], folder: Path) -> list[Point]:
    """The calls of `work` that can change a disk, in order. Raises RuntimeError where it does not end with 0."""
    log = folder / "strace.log"
    ended = run_apart(work, folder, ["-y", "-s", "0", "-e", f"trace={CALL_SET}", "-o", str(log)])
    if ended.code:
        raise RuntimeError(f"The work without a fault ended with {ended.code}: {ended.err}")
    counts: dict[str, int] = {}
    points = []
    for line in log.read_text(errors="replace").splitlines():
        if matched := _LINE.match(line):
            call = matched[1]
            counts[call] = counts.get(call, 0) + 1
            if call != "openat" or "O_CREAT" in line or "O_TRUNC" in line:
                points.append(Point(call, counts[call], line))
    log.unlink()
    return points


def inject(point: Point, fault: str, onwards: bool = False) -> list[str]:
    """The options for strace that give this call the fault (`signal=SIGKILL`, `error=ENOSPC`), or it and all later."""
    when = f"{point.number}+" if onwards else str(point.number)
    return ["-o", os.devnull, "-e", f"trace={point.call}", "-e", f"inject={point.call}:{fault}:when={when}"]


def even(values: Sequence[Item], share: float, seed: int = 0) -> list[Item]:
    """This share of the values, at least one, evenly spread; another seed takes others."""
    count = min(len(values), max(1, round(len(values) * share)))
    return [values[(index * len(values) // count + seed) % len(values)] for index in range(count)] if values else []


@cache
def cannot_trace() -> str:
    """Why strace cannot be used here; "" where it can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    child = subprocess.Popen(["sleep", "30"])
    try:
        tracer = _attach(child.pid, ["-o", os.devnull])
    except RuntimeError as error:
        return f"strace may not attach: {error}"
    finally:
        child.kill()
        child.wait()
    tracer.communicate()
    return ""


def _work_in_child(work: Callable[[], int], waiting: int, go: int, opened: Sequence[int]) -> None:
    code = 70
    try:
        os.close(go)
        for number, descriptor in zip((1, 2), opened, strict=True):
            os.dup2(descriptor, number)
        os.read(waiting, 1)
        code = work()
        sys.stdout.flush()
    except BaseException as error:  # whatever it is belongs to the child, and not to the fork of the harness
        os.write(2, f"{type(error).__name__}: {error}".encode(errors="replace"))
    finally:
        os._exit(code)


def _attach(child: int, options: Sequence[str]) -> "subprocess.Popen[str]":
    words = ["strace", *options, "-p", str(child)]
    tracer = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert tracer.stderr is not None
    line = tracer.stderr.readline()
    if "attached" not in line:
        tracer.kill()
        rest = tracer.communicate()[1]
        raise RuntimeError((line + rest).strip())
    return tracer


def _wait(child: int) -> int:
    patience = time.monotonic() + LONGEST_SECONDS
    delay = 0.001
    while time.monotonic() < patience:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        time.sleep(delay)
        delay = min(0.02, delay * 1.5)
    os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]
