"""Of files with equal bytes, the one with the plain name is kept, in whatever order they are named."""

import os
import shutil
from pathlib import Path

import pytest

from lambda_studio.workflows.subjects.photos.plain_names import in_order


@pytest.mark.parametrize(
    "copy", ["00 (copy).jpg", "Kopie von 00.jpg", "00(1).jpg", "00 - Copy.JPG", "00 2.jpg", "copy of 00.jpeg"]
)
def test_the_plain_name_is_first_among_equal_files(tmp_path: Path, copy: str) -> None:
    paths = [tmp_path / name for name in ("a.jpg", copy, "b.jpg", "00.jpg")]
    for path, content in zip(paths, (b"1", b"22", b"33", b"22"), strict=True):
        path.write_bytes(content)
    assert in_order(paths, ()) == [0, 3, 2, 1]
    assert in_order(paths[::-1], ()) == [0, 1, 2, 3], "the plain name is first already"
    assert in_order(paths, {1}) == [0, 1, 2, 3], "only the copy has a mask"
    assert in_order(paths, {1, 3}) == [0, 3, 2, 1]


def test_names_that_say_nothing_about_each_other_stay_in_order(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("rex.jpg", "b.jpg", "c.jpg")]
    for path in paths:
        path.write_bytes(b"equal")
    assert in_order(paths, ()) == [0, 1, 2]


def test_what_is_no_file_stays_in_its_place(tmp_path: Path) -> None:
    pipes = [tmp_path / name for name in ("a b.jpg", "a.jpg")]
    for pipe in pipes:
        os.mkfifo(pipe)
    assert in_order([*pipes, tmp_path / "gone.jpg", tmp_path], ()) == [0, 1, 2, 3]


def test_adding_editing_and_importing_keep_the_plain_name(studio, add, photo, box, tmp_path) -> None:
    folder = tmp_path / "set" / "rex"
    folder.mkdir(parents=True)
    plain = box(3).rename(folder / "IMG_1.png")
    copy = shutil.copy(plain, folder / "IMG_1(1).png")
    said = "has the same bytes as"
    added = studio.concepts.add("rex", [copy, plain], noun="dog", segment="none")
    assert [image.source_name for image in added.concept.images] == ["IMG_1.png"]
    assert f"{copy} {said} {plain}; one is kept" in added.warnings
    add("max", photo)
    edited = studio.concepts.edit("max", add=[folder], segment="none")
    assert [image.source_name for image in edited.concept.images] == ["photo.png", "IMG_1.png"]
    (imported,) = studio.libraries.import_(tmp_path / "set", on_conflict="rename", nouns={"rex": "cat"}).concepts
    assert f"rex/IMG_1(1).png {said} rex/IMG_1.png; one is kept" in imported.notes
