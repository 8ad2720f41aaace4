"""The pictures of one subject, in files and folders."""

from pathlib import Path

import pytest

from lambda_studio.bundles.layouts.one_subject import one_subject
from lambda_studio.errors import ImageRefused
from tests.lambda_studio.bundles.layouts.laid import lay


def test_a_folder_gives_its_pictures_in_natural_order_with_the_masks_beside_them(tmp_path: Path) -> None:
    rex = lay(tmp_path / "rex", "10.jpg", "2.jpg", "2.mask.png", "old/1.jpg", "masks/10.png", "2.txt", ".DS_Store")
    photo = lay(tmp_path, "first.jpg") / "first.jpg"
    found = one_subject([photo, rex])
    assert found.pairs == (
        (photo, None),
        (rex / "2.jpg", rex / "2.mask.png"),
        (rex / "10.jpg", rex / "masks/10.png"),
        (rex / "old/1.jpg", None),
    )
    assert found.notes == (f"left aside in {rex}: .DS_Store: hidden",)


def test_captions_that_are_named_with_their_pictures_are_no_pictures(tmp_path: Path) -> None:
    lay(tmp_path, "a.jpg", "a.txt", "notes.txt")
    found = one_subject([tmp_path / name for name in ("a.jpg", "a.txt", "notes.txt")])
    assert [picture.name for picture, _ in found.pairs] == ["a.jpg", "notes.txt"], "what is no caption is refused later"


def test_files_are_taken_as_named_and_a_mask_only_beside_its_picture(tmp_path: Path) -> None:
    lay(tmp_path, "b.jpg", "a.jpg", "a-masklabel.png", "party_mask.jpg", "b.mask.png")
    names = ["b.jpg", "a-masklabel.png", "a.jpg", "party_mask.jpg", "gone.jpg"]
    found = one_subject([tmp_path / name for name in names])
    assert [(picture.name, mask and mask.name) for picture, mask in found.pairs] == [
        ("b.jpg", None),
        ("a.jpg", "a-masklabel.png"),
        ("party_mask.jpg", None),
        ("gone.jpg", None),
    ]
    assert found.notes == ("a-masklabel.png is used as the mask of a.jpg",)


def test_a_folder_without_pictures_or_with_ones_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(ImageRefused, match=r"none has no pictures: it is empty\."):
        one_subject([tmp_path / "none"])
    aside = (
        r"aside has no pictures, but a\.mov \(videos and .*\), c\.txt \(captions and .*\) and others, 3 files in all\."
    )
    with pytest.raises(ImageRefused, match=aside):
        one_subject([lay(tmp_path / "aside", "a.mov", "b.mov", "c.txt")])
    with pytest.raises(ImageRefused, match=r"a\.cr2 is a CR2 picture, which cannot be opened here; b\.psd is a PSD"):
        one_subject([lay(tmp_path / "raw", "a.cr2", "b.psd")])


def test_files_that_cannot_be_opened_are_told_with_the_pictures_beside_them(tmp_path: Path) -> None:
    found = one_subject([lay(tmp_path / "raw", "a.cr2", "c.jpg"), lay(tmp_path / "more", "b.psd", "d.jpg")])
    assert [picture.name for picture, _ in found.pairs] == ["c.jpg", "d.jpg"]
    assert [error.cause for error in found.refused] == [
        f"{tmp_path}/raw/a.cr2 is a CR2 picture, which cannot be opened here.",
        f"{tmp_path}/more/b.psd is a PSD picture, which cannot be opened here.",
    ]


def test_files_may_be_given_as_text_and_one_of_them_alone(tmp_path: Path) -> None:
    photo = lay(tmp_path, "first.jpg") / "first.jpg"
    for given in (photo, str(photo), [str(photo)]):
        assert one_subject(given).pairs == ((photo, None),)


def test_a_picture_that_is_given_twice_keeps_both_its_places(tmp_path: Path) -> None:
    rex = lay(tmp_path / "rex", "1.jpg", "2.jpg")
    found = one_subject([rex / "1.jpg", rex / "1.jpg", rex])
    assert [picture.name for picture, _ in found.pairs] == ["1.jpg", "1.jpg", "1.jpg", "2.jpg"]


def test_a_folder_of_several_folders_with_pictures_is_questioned(tmp_path: Path) -> None:
    dcim = lay(tmp_path / "DCIM", "dog/1.jpg", "cat/1.jpg", "notes/a.txt")
    said = f"{dcim} has 2 folders with pictures. If each is a subject: studio library import {dcim}"
    assert said in one_subject(dcim).notes
    alone = lay(tmp_path / "rex", "1.jpg", "old/1.jpg", "masks/1.png")
    assert not any("folders with pictures" in note for note in one_subject(alone).notes)
