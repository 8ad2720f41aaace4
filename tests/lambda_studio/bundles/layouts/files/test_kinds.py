"""What a file's name says that it is."""

import os
from pathlib import Path, PurePath

import pytest

from lambda_studio.bundles.layouts.files.kinds import FOREIGN, PICTURES, is_foreign, is_picture, kind_of, unusable
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
