"""Names of picture files and new folders: nothing is overwritten."""

from pathlib import Path

import pytest
from PIL import Image

from lambda_studio.errors import InvalidSetting, OutputExists
from lambda_studio.pictures.outputs import new_folder, slug, write_picture

PICTURE = Image.new("RGB", (4, 4))


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
        with pytest.raises(InvalidSetting, match=f"{name} names a picture that is no PNG"):
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
