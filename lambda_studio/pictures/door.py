"""Open pictures in an isolated process, which is killed if it exceeds its limits.

One process serves all files of a command. It starts with the first file, and restarts after a crash.
"""

import json
import signal
import struct
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image

from lambda_studio.errors import DecoderNotStarted, ImageRefused
from lambda_studio.pictures.files.opening import LONG_SIDE, MaskFile, Photo
from lambda_studio.pictures.files.refusals import named, refused
from lambda_studio.pictures.masks.saliency import SIDE
from lambda_studio.processes.isolated import LastWords, Process, end, start

MAX_HEAD = 2**20
REMEDY = "Save the picture again with a program that you trust, and give that copy."
START_SECONDS = 60.0
"""The wall-clock limit for the process to report that it is ready."""
START_REMEDY = "No picture is at fault. Check that Python and Pillow work: python -I -c 'import PIL.Image, numpy'"
PACKAGES = ("lambda_studio", "PIL", "numpy", "pillow_heif", "_pillow_heif", "onnxruntime", "rembg")
"""The packages that the process imports, or (rembg) of which it reads a file."""
Answer = tuple[dict[str, Any], bytes]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits of one picture."""

    memory: int = 2**30
    """Bytes of address space, including 200 MB for the interpreter and its libraries."""
    processor_seconds: int = 10
    seconds: float = 60.0
    """The wall-clock limit. It is higher because a busy machine is slow."""


class PictureDoor:
    """A client that opens pictures as `pictures.files.opening` does, in a separate process. Close it, or use `with`.

    Every method that opens a picture raises DecoderNotStarted if the process cannot be started.
    """

    def __init__(self, limits: Limits | None = None):
        self.limits = limits or Limits()
        self._process: Process | None = None

    def __enter__(self) -> "PictureDoor":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process. The next picture starts another one."""
        if self._process is not None:
            end(self._process)
            self._process = None

    @property
    def pid(self) -> int | None:
        """The id of the process that runs now, or None."""
        return self._process.pid if self._process else None

    def photo(self, path: Path) -> Photo:
        """Open a photo as `opening.open_photo` does. Raises ImageRefused also for a picture that exceeds the limits."""
        said, data = self._ask(path, {"do": "photo", "path": str(path.absolute())})
        size = _size(said)
        area = size[0] * size[1]
        alpha = Image.frombytes("L", size, data[3 * area :]) if len(data) > 3 * area else None
        image = Image.frombytes("RGB", size, data[: 3 * area])
        notes = tuple(said["warnings"])
        photo = Photo(path=path, image=image, alpha=alpha, warnings=notes, file_sha=said["file_sha"])
        return replace(photo, header_size=_size(said, "header_size"), turned=bool(said["turned"]))

    def mask_file(self, path: Path) -> MaskFile:
        """Open a mask file as `opening.open_mask` does."""
        said, data = self._ask(path, {"do": "mask file", "path": str(path.absolute())})
        return MaskFile(Image.frombytes("L", _size(said), data), bool(said["turned"]))

    def check(self, path: Path) -> None:
        """Check a picture as `checking.check_picture` does. Raises ImageRefused."""
        self._ask(path, {"do": "check", "path": str(path.absolute())})

    def salience(self, image: Image.Image) -> Image.Image | None:
        """Return the salience map of a picture as `saliency.salience` does; None also if the network cannot run."""
        small = image.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        try:
            _, data = self._ask(Path("it"), {"do": "salience"}, small.tobytes())
        except ImageRefused:  # too little memory or time for the network: there are other ways to find a subject
            self.close()  # the memory that is left may not do for the next picture
            return None
        return Image.frombytes("L", small.size, data) if data else None

    def picture_fault(self, data: bytes, size: tuple[int, int]) -> str | None:
        """Check a stored picture as `stored.picture_fault` does."""
        return self._fault("picture", data, size)

    def mask_fault(self, data: bytes, size: tuple[int, int]) -> str | None:
        """Check a stored mask as `stored.mask_fault` does."""
        return self._fault("mask", data, size)

    def _fault(self, do: str, data: bytes, size: tuple[int, int]) -> str | None:
        try:
            return self._ask(Path("it"), {"do": do, "size": size}, data)[0]["fault"]
        except ImageRefused as error:
            return error.cause.removeprefix("it ").rstrip(".")

    def _ask(self, path: Path, question: dict[str, Any], data: bytes = b"") -> Answer:
        """Return the process's answer. Raises ImageRefused if the picture is refused or the process ends first."""
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
        """Return why a process ended without an answer, by its exit code."""
        if code in (-getattr(signal, "SIGKILL", 9), -getattr(signal, "SIGXCPU", 24), 1):
            return f"cannot be read within {self.limits.processor_seconds} seconds and {self.limits.memory >> 20} MiB"
        return f"crashed its decoder (exit code {code})"


def _started(limits: Limits) -> Process:
    """Start a process and wait until it is ready. Raises DecoderNotStarted with the last line that it wrote."""
    words = [str(limits.memory), str(limits.processor_seconds)]
    # One thread per library, because each thread takes address space.
    threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    try:
        process, said = start("lambda_studio.pictures.door_process", words, PACKAGES, **threads)
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        raise _not_started(f"{error.strerror}{where}") from error
    try:
        answer = _answered(process, START_SECONDS)
    except BaseException:  # including Ctrl-C: the process must not be left behind
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
    """Ask one question and return its answer, or None if the process ended or was killed after its time limit."""
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
    """Read the next message, whose size is checked first. Return None if the message is incomplete."""
    assert process.stdout is not None
    length = process.stdout.read(4)
    if len(length) < 4 or (size := struct.unpack(">I", length)[0]) > MAX_HEAD:
        return None
    said = json.loads(process.stdout.read(size) or b"null")
    parts = said["parts"] if said else []
    body = process.stdout.read(min(sum(parts), 4 * LONG_SIDE * LONG_SIDE))
    return (said, body) if said and len(body) == sum(parts) else None


def _with_name_as_given(cause: str, path: Path) -> str:
    """Return a refusal with the path as the user gave it, not the absolute path."""
    absolute = named(path.absolute())
    return named(path) + cause.removeprefix(absolute) if cause.startswith(absolute) else cause


def _size(said: dict[str, Any], key: str = "size") -> tuple[int, int]:
    width, height = said[key]
    return width, height
