"""Hostile pictures through the door: the right pixels or a refusal, in a second and 300 MB, and nothing falls over."""

import random
import shutil
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np

from lambda_studio.errors import ImageRefused
from lambda_studio.pictures.door import PictureDoor
from lambda_studio.pictures.files.opening import Photo
from tests.reliability.judging import Tally, forget_peak, peak_bytes, processor_seconds, shares, written_anew
from tests.reliability.outcome import Harness, Outcome
from tests.reliability.picture_cases import AVIF, BMP, HEIC, JPEG, LOSSY, PNG, PROGRESSIVE, TIFF, WEBP, cases
from tests.reliability.picture_files import SIGNATURE, Case, Expected, png_kinds

BY_HAND, MUTATIONS = 250, 1_000_000
SECONDS, BYTES = 1.0, 300 * 10**6
FELL = ("crashed its decoder", "cannot be read within", "more memory than a picture may use")
"""What the door says of a file that its process did not survive, or that took all it may take."""
COVERS = "one process opened all images; processor time and peak memory of this process are limited, on Linux"


def by_hand(share: float, folder: Path, seed: int) -> list[Outcome]:
    """Each picture that was made by hand, once; a share of them takes every so-manieth."""
    known, tally = list(cases()), Tally()
    with PictureDoor() as door:
        for number in shares(len(known), share):
            place = folder / str(number)
            place.mkdir()
            tally.judge(known[number].name, fault_of(door, known[number], place))
            shutil.rmtree(place)
    return [tally.outcome("hostile image, by hand", BY_HAND, COVERS)]


def fault_of(door: PictureDoor, case: Case, folder: Path) -> str | None:
    """What was wrong with how the door took a file; None where nothing was."""
    path = case.make(folder)
    pid, before = _start(door, folder)
    forget_peak(pid)
    try:
        photo = door.photo(path)
        fault = None if case.expected is None else difference(photo, case.expected)
        fault = "was accepted" if case.expected is None and not case.or_refused else fault
    except ImageRefused as error:
        fault = fault_of_refusal(error, path)
        if case.expected is not None and not case.or_refused:
            fault = fault or f"was refused: {error.cause}"
    except Exception as error:  # whatever comes out of the door beside a refusal is what is looked for
        return f"{type(error).__name__}: {error}"
    return fault or fault_of_cost(door, pid, before)


def fault_of_refusal(error: ImageRefused, path: Path) -> str | None:
    """What is wrong with the words of a refusal."""
    name = str(path) if str(path).isprintable() else ascii(str(path))
    if not error.cause.startswith(name) or not error.remedy:
        return f"the refusal does not name the file or a remedy: {error.cause} {error.remedy}"
    if any(words in error.cause for words in FELL) or "Traceback" in error.cause or "\n" in error.cause:
        return error.cause
    return None


def fault_of_cost(door: PictureDoor, pid: int, before: float) -> str | None:
    """Whether a file took more of its process than it may."""
    if door._process is None or door._process.pid != pid:
        return "the process ended"
    if (seconds := processor_seconds(pid) - before) > SECONDS:
        return f"took {seconds:.1f} s"
    return f"took {peak:,} bytes" if (peak := peak_bytes(pid)) > BYTES else None


def difference(photo: Photo, expected: Expected) -> str | None:
    """How what came out differs from what is known to be in the file."""
    found = np.asarray(photo.image).astype(int)
    if found.shape != expected.rgb.shape:
        return f"has the shape {found.shape} and not {expected.rgb.shape}"
    whole = len(found) - expected.lost_rows
    if (most := np.abs(found - expected.rgb)[:whole].max()) > expected.tolerance:
        return f"a pixel differs by {most}"
    if (photo.alpha is None) != (expected.alpha is None):
        return f"has {'no' if photo.alpha is None else 'an'} alpha"
    if photo.alpha is not None and (np.asarray(photo.alpha) != expected.alpha).any():
        return "has another alpha"
    return None


def mutated(share: float, folder: Path, seed: int) -> list[Outcome]:
    """Whole pictures with bytes changed, and PNG chunks with their checksums put right again."""
    numbers, tally = random.Random(seed), Tally()
    seeds = [(".png", PNG), (".jpg", JPEG), (".jpg", PROGRESSIVE), (".webp", WEBP), (".webp", LOSSY)]
    seeds += [(".bmp", BMP), (".tif", TIFF), (".avif", AVIF), (".heic", HEIC)]
    seeds += [(".png", case.make(folder).read_bytes()) for case in png_kinds()]
    with PictureDoor() as door:
        for number in range(max(1, round(MUTATIONS * share))):
            suffix, content = numbers.choice(seeds)
            path = folder / f"m{suffix}"
            written_anew(path, changed := mutation(numbers, content))
            tally.judge(f"mutation {number} of seed {seed}", mutation_fault(door, path, changed, folder))
    return [
        tally.outcome(
            "hostile image, mutated", MUTATIONS, f"{COVERS}; accepted PNGs are compared with OpenCV's reading of them"
        )
    ]


def mutation_fault(door: PictureDoor, path: Path, content: bytes, folder: Path) -> str | None:
    """What was wrong with how the door took a changed file."""
    pid, before = _start(door, folder)
    try:
        photo = door.photo(path)
    except ImageRefused as error:
        return fault_of_refusal(error, path) or fault_of_cost(door, pid, before)
    except Exception as error:  # whatever comes out of the door beside a refusal is what is looked for
        return f"{type(error).__name__}: {error}"
    expected = read_plain_png(content) if path.suffix == ".png" else None
    fault = difference(photo, expected) if expected is not None else None
    return fault or fault_of_cost(door, pid, before)


def read_plain_png(content: bytes) -> Expected | None:
    """What OpenCV reads of a PNG that says nothing of colour, transparency or direction; None for another."""
    if any(kind in content for kind in (b"tRNS", b"iCCP", b"gAMA", b"cHRM", b"sRGB", b"eXIf", b"sBIT")):
        return None
    if content[24:26] not in (b"\x08\0", b"\x08\2", b"\x08\3") or not content.startswith(SIGNATURE):
        return None
    found = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    return None if found is None else Expected(found[..., ::-1])


def _start(door: PictureDoor, folder: Path) -> tuple[int, float]:
    """The door's process, started if it does not run, and what it has computed so far."""
    if door._process is None:
        with suppress(ImageRefused):  # there is no such file; the call starts the process
            door.photo(folder / "nothing")
    assert door._process is not None
    return door._process.pid, processor_seconds(door._process.pid)


def mutation(numbers: random.Random, content: bytes) -> bytes:
    """The content with one to eight changes of some kind."""
    changed = bytearray(content)
    for _ in range(numbers.choice((1, 1, 1, 2, 4, 8))):
        numbers.choice(CHANGES)(numbers, changed)
    return with_right_checksums(bytes(changed)) if numbers.random() < 0.7 else bytes(changed)


def _flip(numbers: random.Random, content: bytearray) -> None:
    if content:
        content[numbers.randrange(len(content))] ^= 1 << numbers.randrange(8)


def _extreme(numbers: random.Random, content: bytearray) -> None:
    if len(content) >= 4:
        at = numbers.randrange(len(content) - 3)
        content[at : at + 4] = numbers.choice(
            (bytes(4), b"\xff" * 4, b"\x7f\xff\xff\xff", b"\0\0\0\1", b"\xff\xff\0\0")
        )


def _cut(numbers: random.Random, content: bytearray) -> None:
    del content[numbers.randrange(len(content) + 1) :]


def _remove(numbers: random.Random, content: bytearray) -> None:
    at = numbers.randrange(len(content) + 1)
    del content[at : at + numbers.randrange(1, 64)]


def _repeat(numbers: random.Random, content: bytearray) -> None:
    at = numbers.randrange(len(content) + 1)
    content[at:at] = content[at : at + numbers.randrange(1, 256)]


def _noise(numbers: random.Random, content: bytearray) -> None:
    at = numbers.randrange(len(content) + 1)
    content[at : at + 8] = numbers.randbytes(8)


def _header(numbers: random.Random, content: bytearray) -> None:
    if content:
        content[numbers.randrange(min(64, len(content)))] = numbers.randrange(256)


CHANGES: tuple[Callable[[random.Random, bytearray], None], ...]
CHANGES = (_flip, _flip, _extreme, _cut, _remove, _repeat, _noise, _header, _header)


def with_right_checksums(content: bytes) -> bytes:
    """A PNG whose chunks, as far as they can be followed, have right checksums; other files as they are."""
    if not content.startswith(SIGNATURE):
        return content
    changed, at = bytearray(content), 8
    while at + 12 <= len(changed):
        end = at + 8 + int.from_bytes(changed[at : at + 4], "big")
        if end + 4 > len(changed):
            break
        changed[end : end + 4] = zlib.crc32(changed[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
    return bytes(changed)


HARNESSES: dict[str, Harness] = {"hostile images by hand": by_hand, "hostile images mutated": mutated}
