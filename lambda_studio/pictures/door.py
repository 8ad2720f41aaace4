"""The door for pictures, from outside: files are decoded by another process, which is killed if it takes too much.

One process serves all files of a command; it is started for the first, and anew after one that it did not survive.
"""

import json
import signal
import struct
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from lambda_studio.errors import DecoderNotStarted, ImageRefused
from lambda_studio.pictures.opening import LONG_SIDE, Photo
from lambda_studio.pictures.refusals import named, refused
from lambda_studio.processes.isolated import LastWords, Process, end, start

MAX_HEAD = 2**20
REMEDY = "Give another copy of it, saved anew by a program that you trust."
START_SECONDS = 60.0
"""On the clock, until the process says that it is ready."""
START_REMEDY = "No picture is at fault. See that Python and Pillow work: python -I -c 'import PIL.Image, numpy'"
Answer = tuple[dict[str, Any], bytes]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one picture may take."""

    memory: int = 2**30
    """Bytes of address space, the interpreter's and its libraries' 200 MB among them."""
    processor_seconds: int = 10
    seconds: float = 60.0
    """On the clock: a busy machine is slow."""


class PictureDoor:
    """Opens pictures as `pictures.opening` does, in a process of its own. Close it, or use it in a `with`.

    Whatever is asked raises DecoderNotStarted where that process cannot be started.
    """

    def __init__(self, limits: Limits | None = None):
        self.limits = limits or Limits()
        self._process: Process | None = None

    def __enter__(self) -> "PictureDoor":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the process go. A picture afterwards would start another."""
        if self._process is not None:
            end(self._process)
            self._process = None

    def photo(self, path: Path) -> Photo:
        """As `opening.open_photo`. Raises ImageRefused also for a picture that takes more than the limits."""
        said, data = self._ask(path, {"do": "photo", "path": str(path.absolute())})
        size = _size(said)
        area = size[0] * size[1]
        alpha = Image.frombytes("L", size, data[3 * area :]) if len(data) > 3 * area else None
        image = Image.frombytes("RGB", size, data[: 3 * area])
        notes = tuple(said["warnings"])
        return Photo(path=path, image=image, alpha=alpha, warnings=notes, file_sha=said["file_sha"])

    def grey(self, path: Path) -> Image.Image:
        """As `opening.open_grey`."""
        said, data = self._ask(path, {"do": "grey", "path": str(path.absolute())})
        return Image.frombytes("L", _size(said), data)

    def picture_fault(self, data: bytes, size: tuple[int, int]) -> str | None:
        """As `stored.picture_fault`."""
        return self._fault("picture", data, size)

    def mask_fault(self, data: bytes, size: tuple[int, int]) -> str | None:
        """As `stored.mask_fault`."""
        return self._fault("mask", data, size)

    def _fault(self, do: str, data: bytes, size: tuple[int, int]) -> str | None:
        try:
            return self._ask(Path("it"), {"do": do, "size": size}, data)[0]["fault"]
        except ImageRefused as error:
            return error.cause.removeprefix("it ").rstrip(".")

    def _ask(self, path: Path, question: dict[str, Any], data: bytes = b"") -> Answer:
        """The process's answer. Raises ImageRefused with what it refuses, and where it does not live to answer."""
        process = self._process = self._process or _started(self.limits)
        answer = _exchange(process, self.limits.seconds, question, data)
        if answer is None:
            self.close()
            raise refused(path, self._why(process.returncode), REMEDY)
        if "cause" in answer[0]:
            if answer[0]["spent"]:
                self.close()
            cause = _with_name_as_given(answer[0]["cause"], path)
            raise ImageRefused(cause, answer[0]["remedy"])
        return answer

    def _why(self, code: int) -> str:
        """Why a process did not answer, by how it ended."""
        if code in (-getattr(signal, "SIGKILL", 9), -getattr(signal, "SIGXCPU", 24), 1):
            return f"cannot be read within {self.limits.processor_seconds} seconds and {self.limits.memory >> 20} MiB"
        return f"brought its decoder down (exit code {code})"


def _started(limits: Limits) -> Process:
    """Return a process that has said that it is ready. Raises DecoderNotStarted, with the last line that it wrote."""
    words = [str(limits.memory), str(limits.processor_seconds)]
    # One thread a library: each would take address space of its own.
    threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    try:
        process, said = start(
            "lambda_studio.pictures.door_process", words, ("lambda_studio", "PIL", "numpy"), **threads
        )
    except OSError as error:
        raise _not_started(f"{error.strerror}: {error.filename}") from error
    try:
        answer = _answered(process, START_SECONDS)
    except BaseException:  # Ctrl-C: it must not be left behind
        end(process)
        raise
    if answer is None or not answer[0].get("ready"):
        end(process)
        raise _not_started(_last_words(process, said))
    return process


def _last_words(process: Process, said: LastWords) -> str:
    return said.line() or f"it wrote nothing and ended with exit code {process.returncode}"


def _not_started(why: str) -> DecoderNotStarted:
    return DecoderNotStarted(f"The process that opens pictures cannot be started: {why.rstrip('.')}.", START_REMEDY)


def _exchange(process: Process, seconds: float, question: dict[str, Any], data: bytes) -> Answer | None:
    """One question and its answer; None where the process ended first, or had to be killed when its time was over."""
    text = json.dumps({**question, "parts": [len(data)]}).encode()
    return _answered(process, seconds, struct.pack(">I", len(text)) + text + data)


def _answered(process: Process, seconds: float, asked: bytes = b"") -> Answer | None:
    timer = threading.Timer(seconds, process.kill)
    timer.start()
    assert process.stdin is not None
    try:
        process.stdin.write(asked)
        process.stdin.flush()
        return _read(process)
    except (BrokenPipeError, ValueError, TypeError, KeyError):
        return None
    finally:
        timer.cancel()


def _read(process: Process) -> Answer | None:
    """The next message, bounded before it is read; None where there is no whole one."""
    assert process.stdout is not None
    length = process.stdout.read(4)
    if len(length) < 4 or (size := struct.unpack(">I", length)[0]) > MAX_HEAD:
        return None
    said = json.loads(process.stdout.read(size) or b"null")
    parts = said["parts"] if said else []
    body = process.stdout.read(min(sum(parts), 4 * LONG_SIDE * LONG_SIDE))
    return (said, body) if said and len(body) == sum(parts) else None


def _with_name_as_given(cause: str, path: Path) -> str:
    """The refusal of a path that was made absolute, with the name that the person gave."""
    absolute = named(path.absolute())
    return named(path) + cause.removeprefix(absolute) if cause.startswith(absolute) else cause


def _size(said: dict[str, Any]) -> tuple[int, int]:
    width, height = said["size"]
    return width, height
