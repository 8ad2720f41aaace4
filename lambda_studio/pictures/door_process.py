"""Decode pictures in a process with strict limits, so that a hostile picture can crash only this process.

`pictures.door` starts this process and talks to it through pipes: a length, a line of JSON, and bytes.
"""

import json
import os
import signal
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from lambda_studio.errors import ImageRefused
from lambda_studio.pictures.files.checking import check_picture
from lambda_studio.pictures.files.opening import open_mask, open_photo
from lambda_studio.pictures.files.refusals import refused, why_unread
from lambda_studio.pictures.files.stored import mask_fault, picture_fault
from lambda_studio.pictures.masks.saliency import SIDE, salience

Answer = tuple[dict[str, Any], list[bytes]]


def main(memory: int, seconds: int) -> None:
    """Report that this process is ready, and answer until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    answers, sys.stdout = os.fdopen(os.dup(1), "wb"), sys.stderr
    limit_memory(memory)
    send(answers, {"ready": True}, [])
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # discard the decoders' warnings
    while (asked := receive(sys.stdin.buffer)) is not None:
        limit_time(seconds)
        send(answers, *answer(*asked))


def limit_memory(memory: int) -> None:
    """Limit the address space and forbid files and core dumps, where the platform supports these limits."""
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    if sys.platform == "linux":  # other systems refuse or ignore this limit
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def limit_time(seconds: int) -> None:
    """Limit the processor time of this process to `seconds` from now."""
    if sys.platform == "win32":
        return
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def answer(asked: dict[str, Any], data: bytes) -> Answer:
    """Return the answer for one picture. Any error of a decoder becomes a refusal.

    After a picture that used up the memory, the process is `spent`: the next picture needs a new process.
    """
    try:
        return QUESTIONS[asked["do"]](asked, data)
    except ImageRefused as error:
        return {"cause": error.cause, "remedy": error.remedy, "spent": isinstance(error.__cause__, MemoryError)}, []
    except Exception as error:  # a hostile file can make its decoder raise any error
        why = refused(
            Path(asked.get("path", "it")), f"cannot be read: {why_unread(error)}", "Give another copy of the picture."
        )
        return {"cause": why.cause, "remedy": why.remedy, "spent": isinstance(error, MemoryError)}, []


def _photo(asked: dict[str, Any], data: bytes) -> Answer:
    photo = open_photo(Path(asked["path"]))
    planes = [photo.image, *([photo.alpha] if photo.alpha else [])]
    said: dict[str, Any] = {"size": photo.image.size, "warnings": photo.warnings, "file_sha": photo.file_sha}
    said |= {"header_size": photo.header_size, "turned": photo.turned}
    return said, [plane.tobytes() for plane in planes]


def _mask_file(asked: dict[str, Any], data: bytes) -> Answer:
    mask = open_mask(Path(asked["path"]))
    return {"size": mask.image.size, "turned": mask.turned}, [mask.image.tobytes()]


def _check(asked: dict[str, Any], data: bytes) -> Answer:
    check_picture(Path(asked["path"]))
    return {}, []


def _salience(asked: dict[str, Any], data: bytes) -> Answer:
    found = salience(np.frombuffer(data, np.uint8).reshape(SIDE, SIDE, 3))
    return {}, [] if found is None else [found.tobytes()]


def _stored_picture(asked: dict[str, Any], data: bytes) -> Answer:
    return {"fault": picture_fault(data, tuple(asked["size"]))}, []


def _stored_mask(asked: dict[str, Any], data: bytes) -> Answer:
    return {"fault": mask_fault(data, tuple(asked["size"]))}, []


QUESTIONS: dict[str, Callable[[dict[str, Any], bytes], Answer]] = {
    "photo": _photo,
    "mask file": _mask_file,
    "check": _check,
    "salience": _salience,
    "picture": _stored_picture,
    "mask": _stored_mask,
}


def send(pipe: BinaryIO, head: dict[str, Any], parts: list[bytes]) -> None:
    """Write a message: the length of its JSON, the JSON, and the bytes that the JSON describes."""
    text = json.dumps({**head, "parts": [len(part) for part in parts]}).encode()
    pipe.write(b"".join([struct.pack(">I", len(text)), text, *parts]))
    pipe.flush()


def receive(pipe: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    """Read a message. Return None at the end of the input."""
    if len(length := pipe.read(4)) < 4:
        return None
    head = json.loads(pipe.read(*struct.unpack(">I", length)))
    return head, pipe.read(sum(head["parts"]))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
