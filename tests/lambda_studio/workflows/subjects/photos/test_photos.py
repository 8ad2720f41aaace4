"""From photo files to images with masks: every file that cannot be used is named, and then none is."""

import pytest
from PIL import Image

from lambda_studio.errors import ImageRefused, MaskRefused
from lambda_studio.pictures.files.png import encode_png
from lambda_studio.pictures.masks.subject import find_subject
from lambda_studio.workflows.subjects.photos import photos
from lambda_studio.workflows.subjects.photos.photos import Reading, read_images


def test_every_mask_that_cannot_be_used_is_named(studio, photo, box, tmp_path) -> None:
    empty = tmp_path / "empty.png"
    Image.new("L", (80, 64)).save(empty)
    small = tmp_path / "small.png"
    Image.new("L", (40, 40), 255).save(small)
    second = box(1)
    with pytest.raises(MaskRefused) as refused:
        studio.concepts.add("rex", [photo, second], noun="dog", masks=[empty, small])
    assert "empty.png is empty" in refused.value.cause
    assert "small.png has 40 x 40 pixels" in refused.value.cause
    assert studio.concepts.list() == []


def test_a_white_mask_is_said_and_is_no_mask(studio, add, photo, tmp_path) -> None:
    white = tmp_path / "white.png"
    Image.new("L", (80, 64), 255).save(white)
    added = studio.concepts.add("rex", [photo], noun="dog", masks=[white])
    assert added.concept.images[0].mask_sha is None
    assert added.warnings == ("image 1 (photo.png): its mask white.png is all white: the whole picture is the subject",)


def test_masks_that_are_too_few_are_refused_before_a_picture_is_opened(studio, photo, half_mask) -> None:
    with pytest.raises(MaskRefused, match=r"There is 1 mask for 2 images\."):
        studio.concepts.add("rex", [photo, photo.with_name("gone.png")], noun="dog", masks=[half_mask(left=True)])


def test_a_files_bytes_go_with_its_image_only_where_they_are_kept(studio, photo) -> None:
    def read(keep_original: bool):
        place = studio.workplace
        (image,) = read_images(Reading(place.door), [photo], (), find_subject, keep_original)
        return image

    kept, plain = read(True), read(False)
    assert (kept.original, plain.original) == (photo.read_bytes(), None)
    assert (kept.data, kept.source_name, kept.width, kept.height) == (plain.data, "photo.png", 80, 64)
    assert kept.mask == plain.mask is not None


def test_a_caption_goes_with_its_image_and_a_wrong_one_is_told_of(studio, photo) -> None:
    notes: list[str] = []

    def caption() -> str | None:
        place = studio.workplace
        (image,) = read_images(Reading(place.door, note=notes.append), [photo], (), find_subject)
        return image.caption

    assert (caption(), notes) == (None, [])
    photo.with_suffix(".txt").write_text("a dog on a sofa")
    assert (caption(), notes) == ("a dog on a sofa", [])
    photo.with_suffix(".txt").write_text("a dog" + "s" * 1000)
    assert caption() is None
    text = photo.with_suffix(".txt")
    assert notes == [f"{text} is not used as a caption: it has 1,005 characters, more than 1,000"]


def test_a_file_that_changes_while_it_is_read_is_refused(studio, photo, monkeypatch) -> None:
    def changing(image: Image.Image) -> bytes:
        photo.write_bytes(photo.read_bytes() + b".")
        return encode_png(image)

    monkeypatch.setattr(photos, "encode_png", changing)
    place = studio.workplace
    with pytest.raises(ImageRefused, match=r"photo\.png .*changed while it was being added"):
        list(read_images(Reading(place.door), [photo], (), find_subject, keep_original=True))


def test_all_unusable_files_of_a_folder_are_named_in_the_first_round(studio, add, photo, box, tmp_path) -> None:
    folder = tmp_path / "rex"
    folder.mkdir()
    box(3).rename(folder / "good.png")
    broken = box(4).rename(folder / "broken.png")
    broken.write_bytes(broken.read_bytes()[:200])
    (folder / "raw.dng").write_bytes(b"II*\0")
    (folder / "empty.jpg").touch()
    add("max", photo)
    for attempt in (
        lambda: studio.concepts.add("rex", folder, noun="dog", segment="none"),
        lambda: studio.concepts.edit("max", add=[folder], segment="none"),
    ):
        with pytest.raises(ImageRefused, match=r"^3 of 4 pictures cannot be used:") as refused:
            attempt()
        assert all(f"{name} " in refused.value.cause for name in ("raw.dng", "empty.jpg", "broken.png"))
    assert [(each.name, each.image_count) for each in studio.concepts.list()] == [("max", 1)]
