"""Originals that were kept become files again: all in one new folder, or none."""

import pytest

from lambda_studio.errors import InvalidSetting, OutputExists
from lambda_studio.workflows.subjects.originals import file_name, kept_files, publish, require_free


@pytest.mark.parametrize(
    ("source_name", "expected"),
    [
        ("../../evil.jpg", "1-.._.._evil.jpg"),
        ("a/b\\c\0.png", "1-a_b_c_.png"),
        ("x" * 300 + ".jpg", f"1-{'x' * 196}.jpg"),
        ("犬" * 84 + ".jpg", f"1-{'犬' * 65}.jpg"),
        ("é.jpg", "1-é.jpg"),
    ],
)
def test_a_files_name_stays_in_its_folder(source_name: str, expected: str) -> None:
    assert file_name(1, source_name) == expected
    assert len(expected.encode()) <= 255


def test_only_kept_files_are_given_each_by_the_number_of_its_image(studio, put, plain) -> None:
    concept = put("rex", plain("red", original=b"one"), plain("lime"), plain("blue", original=b"three"))
    assert kept_files(studio.workplace, concept) == {"1-red.png": b"one", "3-blue.png": b"three"}
    with pytest.raises(InvalidSetting, match="No original of hat was kept"):
        kept_files(studio.workplace, put("hat", plain("lime")))


def test_files_are_published_together_or_not_at_all(tmp_path) -> None:
    publish(tmp_path / "new" / "files", [("1-a.jpg", b"a"), ("2-b.jpg", b"b")], 2)
    assert {path.name: path.read_bytes() for path in (tmp_path / "new" / "files").iterdir()} == {
        "1-a.jpg": b"a",
        "2-b.jpg": b"b",
    }
    with pytest.raises(OSError):
        publish(tmp_path / "none" / "files", [("1-a.jpg", b"a"), ("no/such/folder.jpg", b"b")], 2)
    assert list((tmp_path / "none").iterdir()) == []


def test_a_folder_that_is_there_is_not_written_into(tmp_path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for taken in (tmp_path, tmp_path / "link"):
        with pytest.raises(OutputExists, match="is already there"):
            require_free(taken)
    require_free(tmp_path / "free")
