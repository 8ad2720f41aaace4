"""The door for pictures, from outside: files are decoded by another process, which is killed if it takes too much.

One process serves all files of a command; it is started for the first, and anew after one that it did not survive.
"""

import json
import os
import signal
import struct
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from lambda_studio.errors import ImageRefused
from lambda_studio.images import LONG_SIDE, Photo, refused

MAX_HEAD = 2**20
REMEDY = "Give another copy of it, saved anew by a program that you trust."


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one picture may take."""

    memory: int = 2**30
    """Bytes of address space, the interpreter's and its libraries' 200 MB among them."""
    processor_seconds: int = 10
    seconds: float = 60.0
    """On the clock: a busy machine is slow."""


class PictureDoor:
    """Opens pictures as `lambda_studio.images` does, in a process of its own. Close it, or use it in a `with`."""

    def __init__(self, limits: Limits | None = None):
        self.limits = limits or Limits()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "PictureDoor":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the process go. A picture afterwards would start another."""
        if self._process is not None:
            _end(self._process)
            self._process = None

    def photo(self, path: Path) -> Photo:
        """As `images.open_photo`. Raises ImageRefused also for a picture that takes more than the limits."""
        said, data = self._ask(path, {"do": "photo", "path": str(path)})
        size = _size(said)
        area = size[0] * size[1]
        alpha = Image.frombytes("L", size, data[3 * area :]) if len(data) > 3 * area else None
        image = Image.frombytes("RGB", size, data[: 3 * area])
        notes = tuple(said["warnings"])
        return Photo(path=path, image=image, alpha=alpha, warnings=notes, file_sha=said["file_sha"])

    def grey(self, path: Path) -> Image.Image:
        """As `images.open_grey`."""
        said, data = self._ask(path, {"do": "grey", "path": str(path)})
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

    def _ask(self, path: Path, question: dict[str, Any], data: bytes = b"") -> tuple[dict[str, Any], bytes]:
        """The process's answer. Raises ImageRefused with what it refuses, and where it does not live to answer."""
        process = self._process = self._process or _start(self.limits)
        timer = threading.Timer(self.limits.seconds, process.kill)
        timer.start()
        try:
            answer = _exchange(process, question, data)
        finally:
            timer.cancel()
        if answer is None:
            self.close()
            raise refused(path, self._why(process.returncode), REMEDY)
        if "cause" in answer[0]:
            if answer[0]["spent"]:
                self.close()
            raise ImageRefused(answer[0]["cause"], answer[0]["remedy"])
        return answer

    def _why(self, code: int) -> str:
        """Why a process did not answer, by how it ended."""
        if code in (-getattr(signal, "SIGKILL", 9), -getattr(signal, "SIGXCPU", 24), 1):
            return f"cannot be read within {self.limits.processor_seconds} seconds and {self.limits.memory >> 20} MiB"
        return f"brought its decoder down (exit code {code})"


def _start(limits: Limits) -> "subprocess.Popen[bytes]":
    # One thread a library: each would take address space of its own.
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    root = str(Path(__file__).parents[1])
    environment["PYTHONPATH"] = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    words = [sys.executable, "-m", "lambda_studio.decoding", str(limits.memory), str(limits.processor_seconds)]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=quiet, env=environment)


def _exchange(
    process: "subprocess.Popen[bytes]", question: dict[str, Any], data: bytes
) -> tuple[dict[str, Any], bytes] | None:
    """One question and its answer; None where the process ended first. What it says is bounded before it is read."""
    text = json.dumps({**question, "parts": [len(data)]}).encode()
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write(struct.pack(">I", len(text)) + text + data)
        process.stdin.flush()
        length = process.stdout.read(4)
        if len(length) < 4 or (size := struct.unpack(">I", length)[0]) > MAX_HEAD:
            return None
        said = json.loads(process.stdout.read(size) or b"null")
        parts = said["parts"] if said else []
        body = process.stdout.read(min(sum(parts), 4 * LONG_SIDE * LONG_SIDE))
    except (BrokenPipeError, ValueError, TypeError, KeyError):
        return None
    return (said, body) if said and len(body) == sum(parts) else None


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.stdin is not None and process.stdout is not None:
        with suppress(BrokenPipeError):  # it has gone already
            process.stdin.close()
        process.stdout.close()
    try:
        process.wait(timeout=1)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _size(said: dict[str, Any]) -> tuple[int, int]:
    width, height = said["size"]
    return width, height
