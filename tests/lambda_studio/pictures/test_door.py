"""Pictures are decoded by a process that may use little, and whose end is a refusal and no more."""

import os
import struct
import sys
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lambda_studio.errors import ImageRefused, MaskRefused
from lambda_studio.pictures.door import Limits, PictureDoor
from lambda_studio.pictures.files.opening import MAX_FILE_BYTES, Photo, open_mask, open_photo
from lambda_studio.pictures.files.png import encode_png, sha256
from lambda_studio.pictures.masks.subject import FoundMask, find_subject
from lambda_studio.workflows.subjects.photos.photos import Reading, read_images

only_linux = pytest.mark.skipif(sys.platform != "linux", reason="address spaces are bounded on Linux only")


@pytest.fixture(scope="module")
def door() -> Iterator[PictureDoor]:
    with PictureDoor() as opened:
        yield opened


def noisy(mode: str = "RGB", seed: int = 0) -> Image.Image:
    channels = len(Image.new(mode, (1, 1)).getbands())
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (40, 48, channels), dtype=np.uint8), mode)


def saved(path: Path, image: Image.Image) -> Path:
    image.save(path)
    return path


def large(path: Path, side: int) -> Path:
    """A PNG of so many clear pixels on a side, in a small file."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header, rows = struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0), zlib.compress(bytes((4 * side + 1) * side), 1)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
    return path


def test_a_photo_comes_through_as_it_would_be_opened_here(door, tmp_path: Path) -> None:
    path = saved(tmp_path / "ä\udcff.png", noisy("RGBA"))
    through, here = door.photo(path), open_photo(path)
    assert through.image.tobytes() == here.image.tobytes()
    assert (through.image.size, through.image.mode) == (here.image.size, "RGB")
    assert through.alpha is not None and here.alpha is not None
    assert through.alpha.tobytes() == here.alpha.tobytes()
    assert (through.path, through.warnings) == (path, here.warnings)
    assert through.file_sha == here.file_sha == sha256(path.read_bytes())
    opaque = door.photo(saved(tmp_path / "b.png", noisy()))
    assert opaque.alpha is None


def test_a_door_knows_its_process(tmp_path: Path) -> None:
    with PictureDoor() as door:
        assert door.pid is None
        door.salience(Image.new("RGB", (64, 64)))
        assert door.pid != os.getpid() and Path(f"/proc/{door.pid}").exists()


def test_a_mask_comes_through_too(door, tmp_path: Path) -> None:
    path = saved(tmp_path / "mask.png", noisy().convert("L"))
    assert door.mask_file(path).image.tobytes() == open_mask(path).image.tobytes()


def test_a_refusal_is_the_same_refusal(door, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"nothing")
    with pytest.raises(ImageRefused) as here:
        open_photo(tmp_path / "a.png")
    with pytest.raises(ImageRefused) as through:
        door.photo(tmp_path / "a.png")
    assert (through.value.cause, through.value.remedy) == (here.value.cause, here.value.remedy)


def test_stored_pictures_are_looked_at_there(door) -> None:
    assert door.picture_fault(encode_png(noisy()), (48, 40)) is None
    assert door.picture_fault(b"x", (48, 40)) == "is not a complete PNG"
    assert door.mask_fault(encode_png(noisy().convert("L")), (48, 40)) is None


def test_one_process_serves_all(door, tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", noisy())
    door.photo(path)
    first = door._process.pid
    door.photo(path)
    with pytest.raises(ImageRefused):
        door.photo(tmp_path / "gone.png")
    door.photo(path)
    assert door._process.pid == first
    assert first != os.getpid()


@only_linux
def test_a_picture_that_needs_more_memory_is_refused_and_the_next_is_opened(tmp_path: Path) -> None:
    with PictureDoor(Limits(memory=256 * 2**20)) as strict:
        with pytest.raises(ImageRefused) as caught:
            strict.photo(large(tmp_path / "large.png", 5900))
        assert str(tmp_path / "large.png") in caught.value.cause
        assert "memory" in caught.value.cause or "MiB" in caught.value.cause
        assert strict.photo(saved(tmp_path / "a.png", noisy())).image.size == (48, 40)


def test_a_picture_that_takes_too_long_is_refused_and_the_next_is_opened(tmp_path: Path, monkeypatch) -> None:
    with PictureDoor() as strict:
        path = saved(tmp_path / "a.png", noisy())
        strict.photo(path)
        strict.limits = Limits(seconds=0.001)
        with pytest.raises(ImageRefused, match=r"large\.png cannot be read within 10 seconds and 1024 MiB"):
            strict.photo(large(tmp_path / "large.png", 3000))
        strict.limits = Limits()
        assert strict.photo(path).image.size == (48, 40)


def test_a_process_that_was_killed_is_started_anew(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", noisy())
    with PictureDoor() as strict:
        strict.photo(path)
        strict._process.kill()
        strict._process.wait()
        with pytest.raises(ImageRefused, match=r"a\.png cannot be read within"):
            strict.photo(path)
        assert strict.photo(path).image.size == (48, 40)


def test_nothing_is_left_running(tmp_path: Path) -> None:
    with PictureDoor() as opened:
        opened.photo(saved(tmp_path / "a.png", noisy()))
        process = opened._process
    assert process.returncode == 0


# One report


def test_every_bad_picture_and_mask_is_named_at_once(door, tmp_path: Path) -> None:
    good = [saved(tmp_path / f"good{number}.png", noisy(seed=number)) for number in (1, 2)]
    small, white = saved(tmp_path / "small.png", Image.new("L", (32, 32), 255)), Image.new("L", (48, 40), 255)
    masks = [small, saved(tmp_path / "white.png", white), saved(tmp_path / "other.png", white)]
    (tmp_path / "empty.png").touch()
    with pytest.raises(ImageRefused) as caught:
        list(read_images(Reading(door), [good[0], tmp_path / "empty.png", good[1]], masks, find_subject))
    assert caught.value.cause.startswith("2 of 3 pictures cannot be used:\n  ")
    assert "empty.png is empty" in caught.value.cause
    assert "small.png has 32 x 32 pixels and its picture 48 x 40" in caught.value.cause
    assert "good2" not in caught.value.cause


def test_one_bad_file_is_named_alone(door, tmp_path: Path) -> None:
    good = saved(tmp_path / "good.png", noisy())
    with pytest.raises(ImageRefused, match=r"^\S*none\.jpg does not exist\. Check the path\.$"):
        list(read_images(Reading(door), [good, tmp_path / "none.jpg"], (), partial(find_subject, segment="none")))
    with pytest.raises(MaskRefused, match="has no transparency"):
        list(read_images(Reading(door), [good], (), partial(find_subject, segment="alpha")))


def test_near_duplicates_are_warned_of(door, tmp_path: Path) -> None:
    paths = [saved(tmp_path / name, noisy()) for name in ("a.png", "b.bmp")]
    with Image.open(paths[1]) as image:
        image.putpixel((0, 0), (1, 2, 3))
        image.save(paths[1])
    first, second = read_images(Reading(door), paths, (), partial(find_subject, segment="none"))
    assert (first.warnings, second.warnings) == ((), (f"almost the same picture as a.png #{first.sha[:12]}",))


def test_a_file_that_is_given_again_is_read_once_and_said_also_as_a_copy(door, tmp_path: Path) -> None:
    first, other = (saved(tmp_path / f"{seed}.png", noisy(seed=seed)) for seed in (1, 2))
    copy = tmp_path / "copies" / "1.png"
    copy.parent.mkdir()
    copy.write_bytes(first.read_bytes())
    notes: list[str] = []
    masks = [None, None, None, lambda photo: FoundMask(Image.new("L", photo.image.size, 9))]
    find = partial(find_subject, segment="none")
    images = [*read_images(Reading(door, note=notes.append), [first, first, copy, other], masks, find)]
    assert [(image.source_name, image.mask is None) for image in images] == [("1.png", True), ("2.png", False)]
    assert notes == [f"{first} was given twice; one is kept", f"{copy} has the same bytes as {first}; one is kept"]


def test_the_original_that_is_kept_is_the_file_that_was_looked_at(door, tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", noisy())
    (kept,) = read_images(Reading(door), [path], (), partial(find_subject, segment="none"), keep_original=True)
    assert kept.original == path.read_bytes()
    (plain,) = read_images(Reading(door), [path], (), partial(find_subject, segment="none"))
    assert (plain.original, plain.data) == (None, kept.data)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda path: path.write_bytes(path.read_bytes() + b"more"), "changed while it was being added"),
        (lambda path: noisy(seed=1).save(path), "changed while it was being added"),
        (lambda path: os.truncate(path, MAX_FILE_BYTES + 1), f"more than {MAX_FILE_BYTES:,}"),
        (lambda path: os.truncate(path, 0), "is empty"),
        (lambda path: path.unlink(), "does not exist"),
        (lambda path: (path.unlink(), os.mkfifo(path)), "is not a regular file"),
    ],
    ids=["longer", "another picture", "too large", "empty", "gone", "a pipe"],
)
def test_an_original_that_changed_since_it_was_looked_at_is_not_kept(door, tmp_path: Path, change, said: str) -> None:
    def find(photo: Photo) -> FoundMask:
        change(photo.path)
        return FoundMask(None)

    with pytest.raises(ImageRefused) as caught:
        list(read_images(Reading(door), [saved(tmp_path / "a.png", noisy())], (), find, keep_original=True))
    assert said in caught.value.cause
    assert str(tmp_path / "a.png") in caught.value.cause
