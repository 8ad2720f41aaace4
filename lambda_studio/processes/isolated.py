"""The one place where Python processes are started: isolated, so that no file of the current folder is executed.

Such a process imports what Python and its installed packages hold, and the named packages from where this process has
them. Its environment is an allow-list; it has no network where Linux lets a process give its own up.
"""

import json
import os
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from multiprocessing import active_children, get_context
from pathlib import Path
from threading import Thread
from typing import IO, Any

from lambda_studio.processes import isolated_start
from lambda_studio.processes.offline import cut_network

Process = subprocess.Popen[bytes]

KEPT_NAMES = {"PATH", "SYSTEMROOT", "WINDIR", "TMPDIR", "TMP", "TEMP", "LANG", "LANGUAGE", "HOME", "USERPROFILE"}
KEPT_NAMES |= {"LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES"}
KEPT_PREFIXES = ("LC_", "OMP_", "OPENBLAS_", "MKL_", "KMP_", "MALLOC_")
"""Where programs, libraries and temporary files are, how text is encoded, and how many threads there are. Not: what
Python, the hub or a database is told, nor any password."""
NEUTRAL_FOLDER = sys.prefix if sys.platform == "win32" else "/"
LAST_WORDS = 16
"""Pieces of at most 4 KiB of stderr that are remembered."""


class LastWords:
    """The end of what a process writes to stderr, which is read as it comes, so that nothing is ever held up."""

    def __init__(self, stderr: IO[bytes]):
        self._pieces: deque[bytes] = deque(maxlen=LAST_WORDS)
        self._reader = Thread(target=self._read, args=(stderr,), daemon=True)
        self._reader.start()

    def line(self) -> str:
        """Return the last line that is not empty, printable and at most 300 characters long, or an empty text."""
        self._reader.join(timeout=1)
        lines = b"".join(self._pieces).decode(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return "".join(letter if letter.isprintable() else "?" for letter in last)[:300]

    def _read(self, stderr: IO[bytes]) -> None:
        with stderr:
            while piece := os.read(stderr.fileno(), 4096):
                self._pieces.append(piece)


def environment(**more: str) -> dict[str, str]:
    """Return the part of this process's environment that a process of ours is given, and what it gets besides."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.upper() in KEPT_NAMES or name.upper().startswith(KEPT_PREFIXES)
    }
    return {**kept, **more}


def start(module: str, words: Sequence[str], packages: Sequence[str], **more: str) -> tuple[Process, LastWords]:
    """Start Python on a module, with pipes; `more` goes into its environment.

    Args:
        packages: top-level packages that it finds where this process finds them, and nowhere else. They may lie
            outside of what isolated Python looks through: in a checkout, in PYTHONPATH, in a user's own packages.

    Raises:
        OSError: the interpreter cannot be executed.
    """
    flags = ["-I", "-X", "utf8"] if sys.flags.utf8_mode else ["-I"]
    folders = json.dumps({name: folder for name in packages if (folder := _folder_of(name))})
    command = [sys.executable, *flags, isolated_start.__file__, folders, module, *words]
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment(**more), cwd=NEUTRAL_FOLDER
    )
    assert process.stderr is not None
    return process, LastWords(process.stderr)


def end(process: Process) -> None:
    """Let a process end by closing its pipes; kill it if it does not within a second."""
    if process.stdin is not None and process.stdout is not None:
        with suppress(BrokenPipeError):  # it has gone already
            process.stdin.close()
        process.stdout.close()
    try:
        process.wait(timeout=1)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def pool(workers: int, begin: Callable[..., None], words: tuple[Any, ...]) -> Iterator[ProcessPoolExecutor]:
    """Give worker processes that each call `begin(*words)` first. Whatever is raised here ends them at once.

    They import from where this process does. Unlike multiprocessing's own, they do not look in the current folder
    before they are told so.
    """
    with _reduced_environment():
        # spawned: a fork of a process whose threads have run may hang
        spawn = get_context("spawn")
        executor = ProcessPoolExecutor(workers, mp_context=spawn, initializer=_begin, initargs=(begin, words))
        executor.submit(int)  # the first task starts all workers
    with executor:
        try:
            yield executor
        except BaseException:  # Ctrl-C too: nobody waits for what is no longer wanted
            executor.shutdown(wait=False, cancel_futures=True)
            for process in active_children():
                process.terminate()
            raise


def _begin(begin: Callable[..., None], words: tuple[Any, ...]) -> None:
    cut_network()
    begin(*words)


@contextmanager
def _reduced_environment() -> Iterator[None]:
    """Let this process's environment be that of its children, for multiprocessing gives them no other."""
    whole = dict(os.environ)
    reduced = environment(PYTHONSAFEPATH="1")
    try:
        os.environ.clear()
        os.environ.update(reduced)
        yield
    finally:
        os.environ.clear()
        os.environ.update(whole)


def _folder_of(package: str) -> str | None:
    """Return the folder that this process imports a package from; None where it has none."""
    spec = find_spec(package)
    return str(Path(spec.origin).absolute().parents[1]) if spec and spec.origin and spec.parent else None
