"""A concept's next version: images that stay, that go, that come, and that get another mask."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from concepts.errors import ConceptChanged
from lambda_studio.errors import InvalidSetting, MaskRefused
from lambda_studio.pictures.files.png import decode_png, encode_png
from lambda_studio.pictures.masks.marks import Box, Point, Segment
from lambda_studio.pictures.masks.subject import BY_COLOUR, DOUBT, FoundMask
from lambda_studio.pictures.near_duplicates import ALMOST
from lambda_studio.workflows.subjects.changes import Changes
from lambda_studio.workflows.subjects.masks.marking import Marking
from lambda_studio.workflows.subjects.photos.spool import spool_in
from lambda_studio.workflows.subjects.versions import changed_images, revise, stored_images


def whole(photo) -> FoundMask:
    """Find that all of a picture is the subject."""
    return FoundMask(None)


@pytest.fixture
def changed(studio, tmp_path: Path):
    """The images of a concept after changes."""
    marking = Marking(studio.workplace, "auto", "dog")
    with spool_in(tmp_path) as spool:
        yield lambda concept, **changes: list(
            changed_images(studio.workplace, concept, Changes(**changes), whole, marking, spool)[0]
        )


def test_stored_images_come_back_as_they_were_put(studio, put, plain) -> None:
    images = [plain("red", masked=True, original=b"the file"), plain("blue")]
    assert list(stored_images(studio.database, put("rex", *images))) == images


def test_dropped_images_go_and_added_ones_come_last(put, plain, changed, photo) -> None:
    red, lime, blue = plain("red"), plain("lime"), plain("blue")
    images = changed(put("rex", red, lime, blue), drop=[2], add=[photo])
    assert images[:2] == [red, blue]
    assert [image.source_name for image in images[2:]] == ["photo.png"]


def test_an_image_that_is_there_is_not_added_twice_and_gets_its_original(put, plain, changed, photo) -> None:
    red, added = changed(put("other", plain("red")), add=[photo])
    concept = put("rex", red, added)
    first = changed(concept, add=[photo])[1]
    assert first == added and first.original is None
    _, kept = changed(concept, add=[photo], keep_original=True)
    assert (kept.sha, kept.original) == (first.sha, photo.read_bytes())


def test_another_mask_is_of_the_image_that_was_numbered(put, plain, changed, tmp_path) -> None:
    red, blue = plain("red", masked=True), plain("blue", masked=True)
    mask = Image.new("L", (48, 36))
    mask.paste(255, (24, 0, 48, 36))
    mask.save(tmp_path / "right.png")
    Image.new("L", (48, 36), 255).save(tmp_path / "white.png")
    concept = put("rex", red, blue)
    first, second = changed(concept, masks={2: tmp_path / "right.png"})
    assert first == red
    assert (second.sha, np.asarray(decode_png(second.mask)).tolist()) == (blue.sha, np.asarray(mask).tolist())
    assert changed(concept, masks={1: tmp_path / "white.png"})[0].mask is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"drop": [3]}, r"rex has no image 3\. It has images 1 \(red\.png\), 2 \(blue\.png\)\."),
        ({"drop": [0]}, r"rex has no image 0\."),
        ({"masks": {3: Path("mask.png")}}, r"rex has no image 3\."),
        ({"drop": [1], "masks": {1: Path("mask.png")}}, "Image 1 would be dropped and given a mask"),
    ],
)
def test_numbers_that_cannot_be_are_refused(put, plain, changed, changes, said: str) -> None:
    with pytest.raises(InvalidSetting, match=said):
        changed(put("rex", plain("red"), plain("blue")), **changes)


def test_a_version_is_embedded_when_it_is_written_and_never_over_somebody_elses(studio, put, plain) -> None:
    red, lime, blue = plain("red"), plain("lime"), plain("blue")
    concept = put("rex", red)
    done = revise(studio.workplace, concept, "wolf", [red, lime])
    assert (done.concept.version, done.concept.noun, done.created, done.stack) == (2, "wolf", True, "tiny")
    assert (done.encoded, done.cached) == (2, 0)
    again = revise(studio.workplace, done.concept, "wolf", [lime])
    assert (again.concept.version, again.encoded, again.cached) == (3, 0, 1)
    with pytest.raises(ConceptChanged):
        revise(studio.workplace, concept, "dog", [blue])
    assert studio.workplace.get_concepts(["rex"])[0] == again.concept


def test_another_mask_replaces_the_warnings_about_the_old_one(put, plain, changed, tmp_path) -> None:
    doubtful = replace(plain("red"), warnings=(BY_COLOUR, "it is blurred"))
    mask = Image.new("L", (48, 36), 255)
    mask.paste(0, (0, 0, 48, 1))
    mask.save(tmp_path / "most.png")
    (image,) = changed(put("rex", doubtful), masks={1: tmp_path / "most.png"})
    assert image.warnings == ("it is blurred", f"{DOUBT}its subject is 97% of the picture")


def test_a_note_about_a_dropped_picture_goes_with_it(put, plain, changed) -> None:
    near = [replace(plain(colour), warnings=(f"{ALMOST}red.png", "it is blurred")) for colour in ("lime", "blue")]
    concept = put("rex", plain("red"), *near)
    assert [image.warnings for image in changed(concept, drop=[3])] == [(), near[0].warnings]
    assert [image.warnings for image in changed(concept, drop=[1])] == [("it is blurred",)] * 2


def test_a_mask_of_95_percent_is_said_in_edit_too(studio, put, plain, tmp_path) -> None:
    put("rex", plain("red"), plain("blue"))
    mask = Image.new("L", (48, 36), 255)
    mask.paste(0, (0, 0, 48, 1))
    mask.save(tmp_path / "most.png")
    edited = studio.concepts.edit("rex", masks={2: tmp_path / "most.png"})
    assert edited.warnings == (f"image 2 (blue.png): {DOUBT}its subject is 97% of the picture",)
    assert (edited.doubtful, edited.looked_at) == (("blue.png",), 1)


def test_a_box_a_point_and_a_way_give_a_stored_image_another_mask(put, plain, changed) -> None:
    drawn = Image.new("RGB", (48, 36), "green")
    drawn.paste("red", (16, 12, 32, 24))
    first = replace(plain("red", masked=True), data=encode_png(drawn))
    concept = put("rex", first, plain("blue", masked=True))
    box = Box(25, 25, 50, 50, percent=True)
    first, second = changed(concept, masks={1: box, 2: Segment("none")})
    assert second.mask is None
    found = np.asarray(decode_png(first.mask)) > 0
    assert found[18, 24] and not found[:9].any() and not found[:, :12].any()
    with pytest.raises(MaskRefused, match=r"The point 48,3 is outside image 1, which has 48 x 36 pixels\."):
        changed(concept, masks={1: Point(48, 3)})


def test_another_caption_is_of_the_image_that_was_numbered_and_outranks_a_text_beside_it(
    put, plain, changed, photo
) -> None:
    photo.with_suffix(".txt").write_text("beside it")
    concept = put("rex", plain("red"), changed(put("other", plain("lime")), add=[photo])[1])

    def said(**changes) -> list[str | None]:
        return [image.caption for image in changed(concept, **changes)]

    assert said(captions={1: " a  dog\n on a sofa "}) == ["a dog on a sofa", "beside it"]
    assert said(captions={"photo.png": ""}) == [None, ""]
    assert said(captions={2: "given"}, add=[photo]) == [None, "given"]
    assert said(captions={2: "given"}, drop=[1]) == ["given"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"captions": {3: "a"}}, "rex has no image 3."),
        ({"captions": {1: "a"}, "drop": [1]}, "Image 1 would be dropped and given a caption."),
        ({"captions": {1: "a", "red.png": "b"}}, r"Image 1 \(red.png\) is given two captions."),
        (
            {"captions": {1: "a\x1b[2J"}},
            "The caption of image 1 cannot be used: it has invisible or control characters.",
        ),
        ({"captions": {1: "a" * 1001}}, "The caption of image 1 cannot be used: it has 1,001 characters"),
    ],
)
def test_captions_that_cannot_be_are_refused(put, plain, changed, changes, told: str) -> None:
    concept = put("rex", plain("red"), plain("blue"))
    with pytest.raises(InvalidSetting, match=told):
        changed(concept, **changes)
