"""The other side of the door for pictures: a process that decodes for another one, and may use little.

Whatever a picture does to the decoder, it does here. `pictures.door` starts it, and speaks with it through pipes:
a length, a line of JSON, and bytes.
"""

import json
import os
import signal
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from lambda_studio.errors import ImageRefused
from lambda_studio.pictures.opening import open_grey, open_photo
from lambda_studio.pictures.refusals import in_one_line, refused
from lambda_studio.pictures.stored import mask_fault, picture_fault

Answer = tuple[dict[str, Any], list[bytes]]


def main(memory: int, seconds: int) -> None:
    """Say that this process is ready, and answer until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who asks
    answers, sys.stdout = os.fdopen(os.dup(1), "wb"), sys.stderr
    limit_memory(memory)
    send(answers, {"ready": True}, [])
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what decoders say of pictures is nobody's to read
    while (asked := receive(sys.stdin.buffer)) is not None:
        limit_time(seconds)
        send(answers, *answer(*asked))


def limit_memory(memory: int) -> None:
    """Bound the address space, write no file and leave no core, as far as the platform has such limits."""
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    if sys.platform == "linux":  # elsewhere it is refused, or does nothing
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def limit_time(seconds: int) -> None:
    """Let this process compute for so long from now on, and no longer."""
    if sys.platform == "win32":
        return
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def answer(asked: dict[str, Any], data: bytes) -> Answer:
    """What became of one picture. A decoder may raise anything: whatever it is, it is told and not raised.

    After one that took all memory, what is left may not do for the next: the process is `spent`.
    """
    try:
        return QUESTIONS[asked["do"]](asked, data)
    except ImageRefused as error:
        return {"cause": error.cause, "remedy": error.remedy, "spent": isinstance(error.__cause__, MemoryError)}, []
    except Exception as error:  # whatever a hostile file makes its decoder raise is that file's refusal
        why = refused(
            Path(asked.get("path", "it")), f"cannot be read: {in_one_line(error)}", "Give another copy of it."
        )
        return {"cause": why.cause, "remedy": why.remedy, "spent": isinstance(error, MemoryError)}, []


def _photo(asked: dict[str, Any], data: bytes) -> Answer:
    photo = open_photo(Path(asked["path"]))
    planes = [photo.image, *([photo.alpha] if photo.alpha else [])]
    said = {"size": photo.image.size, "warnings": photo.warnings, "file_sha": photo.file_sha}
    return said, [plane.tobytes() for plane in planes]


def _grey(asked: dict[str, Any], data: bytes) -> Answer:
    grey = open_grey(Path(asked["path"]))
    return {"size": grey.size}, [grey.tobytes()]


def _stored_picture(asked: dict[str, Any], data: bytes) -> Answer:
    return {"fault": picture_fault(data, tuple(asked["size"]))}, []


def _stored_mask(asked: dict[str, Any], data: bytes) -> Answer:
    return {"fault": mask_fault(data, tuple(asked["size"]))}, []


QUESTIONS: dict[str, Callable[[dict[str, Any], bytes], Answer]] = {
    "photo": _photo,
    "grey": _grey,
    "picture": _stored_picture,
    "mask": _stored_mask,
}


def send(pipe: BinaryIO, head: dict[str, Any], parts: list[bytes]) -> None:
    """Write a message: the length of its JSON, the JSON, and the bytes whose lengths it says."""
    text = json.dumps({**head, "parts": [len(part) for part in parts]}).encode()
    pipe.write(b"".join([struct.pack(">I", len(text)), text, *parts]))
    pipe.flush()


def receive(pipe: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    """Read a message; None where nobody writes any more."""
    if len(length := pipe.read(4)) < 4:
        return None
    head = json.loads(pipe.read(*struct.unpack(">I", length)))
    return head, pipe.read(sum(head["parts"]))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
