"""The names in a folder, and the one rule for links."""

import os
from pathlib import Path

import pytest

from lambda_studio.bundles.layouts.files import tree
from lambda_studio.bundles.layouts.files.tree import natural, outside, read_tree
from lambda_studio.errors import BundleRefused
from tests.lambda_studio.bundles.layouts.laid import lay


def test_numbers_are_in_the_order_of_numbers() -> None:
    names = ["10.jpg", "2.jpg", "cat2", "cat", "Cat10", "1.jpg", "²", "٣"]
    assert sorted(names, key=natural)[:6] == ["1.jpg", "2.jpg", "10.jpg", "cat", "cat2", "Cat10"]


def test_files_and_folders_are_read_in_natural_order_and_hidden_ones_named(tmp_path: Path) -> None:
    lay(tmp_path, "b/10.jpg", "b/2.jpg", "a/x.jpg", ".git/config", "b/.DS_Store", "__MACOSX/b/._2.jpg", "Thumbs.db")
    found = read_tree(tmp_path)
    assert [found.shown(file) for file in found.top.every_file()] == ["a/x.jpg", "b/2.jpg", "b/10.jpg"]
    assert {found.shown(path): why for path, why in found.odd.items()} == dict.fromkeys(
        [".git", "__MACOSX", "Thumbs.db", "b/.DS_Store"], "hidden"
    )


def test_an_empty_folder_is_named_and_the_source_itself_is_not(tmp_path: Path) -> None:
    lay(tmp_path, "rex/0.jpg", "of hidden files/.DS_Store")
    (tmp_path / "minka" / "old").mkdir(parents=True)
    odd = {"minka/old": "an empty folder", "of hidden files/.DS_Store": "hidden"}
    found = read_tree(tmp_path)
    assert {found.shown(path): why for path, why in found.odd.items()} == odd
    assert read_tree(tmp_path / "minka" / "old").odd == {}


def test_a_link_is_followed_to_the_source_or_the_current_folder_and_no_further(tmp_path: Path, monkeypatch) -> None:
    root, here = lay(tmp_path / "set", "rex/0.jpg"), lay(tmp_path / "here", "mine.jpg")
    lay(tmp_path / "private", "secret.jpg")
    monkeypatch.chdir(here)
    (root / "rex" / "1.jpg").symlink_to(root / "rex" / "0.jpg")
    (root / "rex" / "2.jpg").symlink_to(here / "mine.jpg")
    (root / "rex" / "3.jpg").symlink_to(tmp_path / "private" / "secret.jpg")
    (root / "rex" / "4.jpg").symlink_to(tmp_path / "gone.jpg")
    (root / "rex" / "around").symlink_to(root)
    (root / "private").symlink_to(tmp_path / "private")
    found = read_tree(root)
    assert [file.name for file in found.top.every_file()] == ["0.jpg", "1.jpg", "2.jpg"]
    assert list(map(str, found.faults)) == [
        f"private is outside the folder, at {tmp_path / 'private'}",
        f"rex/3.jpg is outside the folder, at {tmp_path / 'private' / 'secret.jpg'}",
        "rex/4.jpg is a link to nothing",
        "rex/around is a link to a folder around it",
    ]
    assert outside(root / "rex" / "0.jpg", root) is None


def test_a_special_file_is_named_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "0.jpg")
    found = read_tree(tmp_path)
    assert found.odd == {tmp_path / "0.jpg": "no regular files"}


def test_too_many_files_and_too_deep_folders_are_refused(tmp_path: Path, monkeypatch) -> None:
    lay(tmp_path, "a/b/c/1.jpg", "a/2.jpg")
    monkeypatch.setattr(tree, "MAX_FILES", 4)
    with pytest.raises(BundleRefused, match="more than 4 files"):
        read_tree(tmp_path)
    monkeypatch.setattr(tree, "MAX_DEPTH", 3)
    with pytest.raises(BundleRefused, match="more than 3 folders deep"):
        read_tree(tmp_path)


def test_a_folder_that_cannot_be_read_is_a_fault(tmp_path: Path, monkeypatch) -> None:
    lay(tmp_path, "rex/0.jpg", "shut/0.jpg")
    read = Path.iterdir

    def iterdir(path: Path):
        if path.name == "shut":
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    assert list(map(str, read_tree(tmp_path).faults)) == ["shut cannot be read: Permission denied"]
