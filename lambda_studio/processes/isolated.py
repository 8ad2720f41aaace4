"""Starts every Python child process. A child never executes a file of the current folder.

A child imports the standard library, installed packages and the named packages of this process. Its environment is
an allow-list. It has no network where Linux lets a process give up its own.
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
from multiprocessing import active_children, get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import IO, Any

from lambda_studio.processes import isolated_start
from lambda_studio.processes.offline import cut_network

Process = subprocess.Popen[bytes]
Workers = ProcessPoolExecutor

KEPT_NAMES = {"PATH", "SYSTEMROOT", "WINDIR", "TMPDIR", "TMP", "TEMP", "LANG", "LANGUAGE", "HOME", "USERPROFILE"}
KEPT_NAMES |= {"LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES"}
KEPT_PREFIXES = ("LC_", "OMP_", "OPENBLAS_", "MKL_", "KMP_", "MALLOC_")
"""Allowed: paths, locale and numbers of threads. Not allowed: passwords, settings of Python, the hub or a database."""
NEUTRAL_FOLDER = sys.prefix if sys.platform == "win32" else "/"
LAST_WORDS = 16
"""The number of stderr pieces, of at most 4 KiB each, that are kept."""


class LastWords:
    """The end of a process's stderr, read continuously so that the process never blocks on a full pipe."""

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
    """Return the allowed part of this process's environment, with `more` added."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.upper() in KEPT_NAMES or name.upper().startswith(KEPT_PREFIXES)
    }
    return {**kept, **more}


def start(module: str, words: Sequence[str], packages: Sequence[str], **more: str) -> tuple[Process, LastWords]:
    """Start Python on a module, with pipes; `more` is added to its environment.

    Args:
        packages: top-level packages and modules to import from this process's folders. Isolated Python would not
            find those in a checkout, in PYTHONPATH or in the user's site-packages.

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
    """Close a process's pipes so that it ends; kill it after a second."""
    if process.stdin is not None and process.stdout is not None:
        with suppress(BrokenPipeError):  # the process has already ended
            process.stdin.close()
        process.stdout.close()
    try:
        process.wait(timeout=1)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def pool(workers: int, begin: Callable[..., None], words: tuple[Any, ...]) -> Iterator[ProcessPoolExecutor]:
    """Yield worker processes that each call `begin(*words)` first. An exception in the block ends them at once.

    The workers import from this process's folders. Unlike multiprocessing's workers, they do not search the current
    folder before that, and they end if this process is killed.
    """
    with _reduced_environment():
        # spawn: a forked child may hang if this process has threads
        spawn = get_context("spawn")
        executor = ProcessPoolExecutor(workers, mp_context=spawn, initializer=_begin, initargs=(begin, words))
        executor.submit(int)  # the first task starts all workers
    with executor:
        try:
            yield executor
        except BaseException:  # KeyboardInterrupt too: do not wait for cancelled work
            executor.shutdown(wait=False, cancel_futures=True)
            for process in active_children():
                process.terminate()
            raise


def _begin(begin: Callable[..., None], words: tuple[Any, ...]) -> None:
    cut_network()
    Thread(target=_end_with_parent, daemon=True).start()
    begin(*words)


def _end_with_parent() -> None:
    """End this worker when its parent is killed. Its queue would never tell it."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


@contextmanager
def _reduced_environment() -> Iterator[None]:
    """Reduce this process's environment for a moment, because multiprocessing's children inherit it."""
    whole = dict(os.environ)
    reduced = environment(PYTHONSAFEPATH="1")
    try:
        os.environ.clear()
        os.environ.update(reduced)
        yield
    finally:
        os.environ.clear()
        os.environ.update(whole)


def _folder_of(name: str) -> str | None:
    """Return the folder from which this process imports a package or a module, or None if there is none."""
    spec = find_spec(name)
    if not spec or not spec.origin or not Path(spec.origin).is_file():
        return None
    return str(Path(spec.origin).absolute().parents[1 if spec.submodule_search_locations else 0])
