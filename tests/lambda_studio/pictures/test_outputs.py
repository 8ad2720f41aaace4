"""Names of picture files and new folders: nothing is overwritten, and a picture is whole or not there."""

import itertools
import os
from pathlib import Path

import pytest
from PIL import Image

from lambda_studio.errors import InvalidSetting, OutputExists
from lambda_studio.pictures import outputs
from lambda_studio.pictures.outputs import new_folder, require_place, require_sheet, sheet_beside, slug, write_picture

PICTURE = Image.effect_noise((64, 64), 90).convert("RGB")


@pytest.mark.parametrize(
    ("title", "stem"),
    [
        ("a <rex> on the beach!", "a-rex-on-the-beach"),
        ("Ein Dachs über Köln", "ein-dachs-über-köln"),
        ("../../etc/passwd", "etc-passwd"),
        ("<>?*", "picture"),
        ("word " * 40, "-".join(["word"] * 12)),
    ],
)
def test_a_title_becomes_a_file_name(title: str, stem: str) -> None:
    assert slug(title) == stem


def test_numbers_go_on_where_they_ended(tmp_path: Path) -> None:
    (tmp_path / "a-cat-0041.png").touch()
    (tmp_path / "a-cat-nap-0099.png").touch()
    names = [write_picture(PICTURE, {}, tmp_path, "a cat").name for _ in range(2)]
    assert names == ["a-cat-0042.png", "a-cat-0043.png"]


def test_a_folder_that_ends_in_png_is_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "odd.png"
    folder.mkdir()
    assert write_picture(PICTURE, {}, folder, "a cat") == folder / "a-cat-0001.png"


def test_a_name_of_another_kind_of_picture_makes_no_folder(tmp_path: Path) -> None:
    for name in ("sheet.jpg", "SHEET.WEBP"):
        with pytest.raises(InvalidSetting, match=f"{name} names a picture that is not a PNG"):
            write_picture(PICTURE, {}, tmp_path / name, "x")
    assert not list(tmp_path.iterdir())
    (tmp_path / "trip.jpg").mkdir()
    assert write_picture(PICTURE, {}, tmp_path / "trip.jpg", "x").parent == tmp_path / "trip.jpg"


def test_texts_come_back_whole(tmp_path: Path) -> None:
    texts = {"prompt": "λ 犬 🐶\nzwei", "settings": "{}"}
    assert Image.open(write_picture(PICTURE, texts, tmp_path, "x")).text == texts


def test_new_folders_are_numbered(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert [str(new_folder(None, "demo")) for _ in range(3)] == ["demo", "demo-2", "demo-3"]
    assert new_folder(tmp_path / "demo", "x") == tmp_path / "demo"
    (tmp_path / "demo" / "file").touch()
    with pytest.raises(OutputExists, match="is not empty"):
        new_folder(tmp_path / "demo", "x")


def test_a_picture_with_a_name_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("mine")
    (tmp_path / "a-2.png").symlink_to(tmp_path / "nowhere")
    assert write_picture(PICTURE, {}, tmp_path / "a.png", "x") == tmp_path / "a-3.png"
    assert (tmp_path / "a.png").read_text() == "mine"
    assert not (tmp_path / "nowhere").exists()


def test_a_name_that_another_process_took_meanwhile_is_left_to_it(tmp_path: Path, monkeypatch) -> None:
    lexists, taken = os.path.lexists, tmp_path / "a.png"

    def unlucky(path: Path) -> bool:
        free = not lexists(path)
        if path == taken and free:
            taken.write_text("of another")
        return not free

    monkeypatch.setattr(outputs.os.path, "lexists", unlucky)
    assert write_picture(PICTURE, {}, taken, "x") == tmp_path / "a-2.png"
    assert taken.read_text() == "of another"


@pytest.mark.parametrize("at", [1, 2])
def test_a_disk_that_fails_leaves_no_part_of_a_picture(tmp_path: Path, monkeypatch, at: int) -> None:
    (tmp_path / "out").mkdir()
    calls, sync = itertools.count(1), os.fsync

    def full(descriptor: int) -> None:
        if next(calls) == at:
            raise OSError(28, "No space left on device")
        sync(descriptor)

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_picture(PICTURE, {}, tmp_path / "out", "x")
    for path in (tmp_path / "out").iterdir():  # its folder could not be synced: it is whole, and may get lost
        assert at == 2
        with Image.open(path) as opened:
            assert opened.tobytes() == PICTURE.tobytes()


def test_a_disk_that_is_full_while_the_bytes_are_written_leaves_nothing(tmp_path: Path, monkeypatch) -> None:
    def half(path: Path, data: bytes) -> int:
        with path.open("wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(OSError, match="No space left"):
        write_picture(PICTURE, {}, tmp_path / "out", "x")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_place_that_cannot_hold_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputExists, match="file is not a folder"):
        require_place(tmp_path / "file" / "a.png")
    with pytest.raises(InvalidSetting, match=r"a\.jpg names a picture that is not a PNG"):
        require_place(tmp_path / "a.jpg")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file"]


def test_a_place_is_checked_and_not_made(tmp_path: Path) -> None:
    require_place(tmp_path / "new" / "deep")
    require_sheet(tmp_path / "new" / "sheet.png")
    require_sheet(tmp_path)
    with pytest.raises(InvalidSetting, match=r"sheet\.txt does not name a PNG"):
        require_sheet(tmp_path / "sheet.txt")
    with pytest.raises(InvalidSetting, match="new does not name a PNG"):
        require_sheet(tmp_path / "new")
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_refused_before_anything_is_drawn(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path)
    with pytest.raises(PermissionError, match="Permission denied") as refused:
        require_place(tmp_path / "new")
    assert refused.value.filename == str(tmp_path)


def test_the_sheet_of_named_pictures_has_a_name_of_its_own(tmp_path: Path) -> None:
    assert sheet_beside(tmp_path / "way.png") == tmp_path / "way-sheet.png"
    assert sheet_beside(tmp_path) == tmp_path
