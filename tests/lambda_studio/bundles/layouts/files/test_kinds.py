"""What a file's name says that it is."""

import os
from pathlib import Path, PurePath

import pytest

from lambda_studio.bundles.layouts.files.kinds import (
    FOREIGN,
    PICTURES,
    begins_as_picture,
    has_picture,
    is_foreign,
    is_picture,
    kind_of,
    unusable,
)
from lambda_studio.pictures.files.formats import FORMATS_SAID, PICTURE_SUFFIXES


def test_the_pictures_are_those_that_can_be_opened() -> None:
    assert {*PICTURE_SUFFIXES} == PICTURES
    assert not PICTURES & FOREIGN
    assert is_picture(PurePath("a/IMG.JPG")) and not is_picture(PurePath("a/jpg"))
    assert is_foreign(PurePath("a/IMG.CR2")) and not is_foreign(PurePath("a/IMG.JPG"))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("0.TXT", "captions and other texts"),
        ("IMG_1.MOV", "videos and what belongs to them"),
        ("0.jpg", "pictures that belong to no subject"),
        ("0.gif", "pictures that belong to no subject"),
        ("notes.pdf", "not pictures"),
        ("LICENSE", "not pictures"),
    ],
)
def test_what_is_no_subjects_picture_is_left_aside_for_a_reason(name: str, kind: str) -> None:
    assert kind_of(PurePath(name)) == kind


def test_the_first_bytes_tell_what_cannot_be_a_picture(tmp_path: Path) -> None:
    (tmp_path / "0.jpg").write_bytes(b"\x89PNG and more")
    assert unusable(tmp_path / "0.jpg") is None  # a wrong suffix is told later
    (tmp_path / "0.jpg").write_bytes(b"GIF89a")
    assert unusable(tmp_path / "0.jpg") == f"is not a {FORMATS_SAID} picture"
    assert unusable(tmp_path / "gone.jpg") == "is not a regular file"
    os.mkfifo(tmp_path / "pipe.jpg")
    assert unusable(tmp_path / "pipe.jpg") == "is not a regular file"


@pytest.mark.parametrize(
    ("start", "is_one"),
    [
        (b"\xff\xd8\xff\xe0", True),
        (b"\xff\xd8 and a text", False),
        (b"\x89PNG\r\n\x1a\n", True),
        (b"RIFF\0\0\0\0WEBPVP8 ", True),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", True),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", False),
        (b"BM" + (1000).to_bytes(4, "little") + bytes(60), True),
        (b"BMW is a car, says this text of some length.", False),
        (b"", False),
    ],
)
def test_a_file_without_a_suffix_is_a_picture_by_its_first_bytes(tmp_path: Path, start: bytes, is_one: bool) -> None:
    (tmp_path / "IMG_1").write_bytes(start)
    assert begins_as_picture(start) == has_picture(tmp_path / "IMG_1") == is_one


def test_what_cannot_be_read_is_no_picture(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert not has_picture(tmp_path / "pipe") and not has_picture(tmp_path / "gone") and not has_picture(tmp_path)
