"""Photos are stored without metadata; the files themselves only where somebody says so."""

import json
import zipfile
from pathlib import Path

import pytest
from PIL import Image

NAME_OF_PLACE = b"behind the old mill"


@pytest.fixture
def photo(photos) -> Path:
    """A JPEG that says where it was taken."""
    exif = Image.Exif()
    exif.get_ifd(0x8825)[0x1C] = NAME_OF_PLACE.decode()  # GPSAreaInformation
    path = photos[0].with_name("holiday.jpg")
    Image.open(photos[0]).save(path, quality=95, exif=exif)
    assert NAME_OF_PLACE in path.read_bytes()
    return path


def database_bytes(home: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(home.glob("studio.sqlite3*")))


def test_where_a_photo_was_taken_is_stored_only_with_keep_original(studio, photo, tmp_path: Path) -> None:
    plain = studio("add-concept", "rex", photo, "--noun", "dog")
    assert (plain.code, "original" in plain.out) == (0, False)
    assert NAME_OF_PLACE not in database_bytes(tmp_path / "home")
    none = studio("concepts", "originals", "rex", "files")
    assert (none.code, "No original of rex was kept." in none.err) == (2, True)
    assert "original" not in studio("concepts", "show", "rex").out

    told = "1 original kept, with metadata. Get them: studio concepts originals rex FOLDER"
    kept = studio("add-concept", "rex", photo, "--noun", "dog", "--keep-original")
    head, *_, original, _ = kept.out.splitlines()
    assert (kept.code, head, original) == (0, "Already there: rex (dog) in library default, 1 image.", told)
    assert NAME_OF_PLACE in database_bytes(tmp_path / "home")
    assert told in studio("concepts", "show", "rex").out

    exported = studio("library", "export", "rex", "--out", "rex.zip")
    assert exported.out.splitlines()[-1] == "Not exported: 1 original (kept files with their metadata)."
    assert NAME_OF_PLACE not in (tmp_path / "rex.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "rex.zip") as archive:
        assert len(archive.namelist()) == 3, "manifest, image and mask"

    assert studio("concepts", "forget", "rex", "--yes").code == 0
    assert NAME_OF_PLACE not in database_bytes(tmp_path / "home")


def test_originals_come_back_into_a_new_folder_byte_for_byte(studio, photo, photos, tmp_path: Path) -> None:
    assert studio("add-concept", "rex", photos[1], "--noun", "dog").code == 0
    edited = studio("concepts", "edit", "rex", "--add", photo, "--keep-original")
    lines = edited.out.splitlines()
    assert "rex (dog) is now version 2: 2 images." in lines
    assert "1 original kept, with metadata. Get them: studio concepts originals rex FOLDER" in lines
    told = studio("concepts", "originals", "rex", "out/files")
    assert (told.code, told.out) == (0, f"{Path('out/files/2-holiday.jpg')}\n")
    assert (tmp_path / "out/files/2-holiday.jpg").read_bytes() == photo.read_bytes()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["files"]

    again = studio("concepts", "originals", "rex", "out/files")
    assert (again.code, "out/files is already there." in again.err) == (4, True)

    assert studio("concepts", "edit", "rex", "--add", photos[1], "--keep-original").code == 0
    assert json.loads(studio("concepts", "history", "rex", "--json").out)[0]["number"] == 2
    images = json.loads(studio("concepts", "show", "rex", "--json").out)["images"]
    assert all(image["original_sha"] for image in images)
    both = json.loads(studio("concepts", "originals", "rex", "both", "--json").out)
    assert both["files"] == ["1-photo2.png", "2-holiday.jpg"]
    assert (tmp_path / "both/1-photo2.png").read_bytes() == photos[1].read_bytes()
    assert both["shas"] == [image["original_sha"] for image in images]


def test_keep_original_without_a_file_is_refused(studio, photos) -> None:
    studio("add-concept", "rex", photos[0], "--noun", "dog")
    answer = studio("concepts", "edit", "rex", "--noun", "cat", "--keep-original")
    assert (answer.code, "No file was given whose original could be kept" in answer.err) == (2, True)


def test_a_folder_that_cannot_be_written_leaves_nothing(studio, photo, tmp_path: Path, monkeypatch) -> None:
    studio("add-concept", "rex", photo, "--noun", "dog", "--keep-original")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device", "the disk")

    monkeypatch.setattr("os.fsync", full)
    assert studio("concepts", "originals", "rex", "there/files").code == 7
    assert list((tmp_path / "there").iterdir()) == []


def test_a_folder_that_a_killed_command_left_is_swept_up_by_the_next(studio, photo, tmp_path: Path) -> None:
    studio("add-concept", "rex", photo, "--noun", "dog", "--keep-original")
    left = tmp_path / "there" / f".files.{'0' * 32}"
    left.mkdir(parents=True)
    (left / "1-holiday.jpg").write_bytes(photo.read_bytes()[:100])
    left.with_name(f"{left.name}.studio-lock").touch()
    assert studio("concepts", "originals", "rex", "there/files").code == 0
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["files"]


def test_a_copy_says_that_originals_go_with_it(studio, photo) -> None:
    studio("library", "create", "toys")
    studio("add-concept", "rex", photo, "--noun", "dog", "--keep-original")
    for state in ("Copied to", "Already there:"):
        copied = studio("concepts", "copy", "rex", "toys")
        assert copied.out == f"{state} rex (dog) in library toys: 1 image, 1 original with metadata.\n"


def test_a_photo_that_changes_while_it_is_added_adds_nothing(studio, photo, monkeypatch, tmp_path: Path) -> None:
    from lambda_studio.workflows.subjects.photos import photos

    encode = photos.encode_png

    def changing(image: Image.Image) -> bytes:
        photo.write_bytes(photo.read_bytes() + b".")
        return encode(image)

    monkeypatch.setattr(photos, "encode_png", changing)
    refused = studio("add-concept", "rex", photo, "--noun", "dog", "--keep-original")
    assert (refused.code, "changed while it was being added" in refused.err) == (5, True)
    assert (
        studio("concepts", "list").out
        == "Library default has no concepts yet. Add one: studio add-concept NAME IMAGE... --noun NOUN\n"
    )
    assert NAME_OF_PLACE not in database_bytes(tmp_path / "home")
