"""The subject that a user marked: what is in the box, or at the point, and nothing else."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from benchmarks.masks import LABELS, box_around, outlined, point_within
from lambda_studio.errors import MaskRefused
from lambda_studio.pictures.door import PictureDoor
from lambda_studio.pictures.files.opening import Photo
from lambda_studio.pictures.masks import marked
from lambda_studio.pictures.masks.marked import subject_at, subject_in_box
from lambda_studio.pictures.masks.marks import Box, Point
from lambda_studio.pictures.masks.subject import FILLS_BOX, find_subject, is_doubtful, without_mask_warnings
from tests.lambda_studio.pictures.masks.test_subject import PHOTOS, overlap

DISCS = {"left": (30, 60, 90, 120), "right": (130, 60, 190, 120)}


def two_discs() -> tuple[Photo, dict[str, np.ndarray]]:
    """Two red discs on a green field, and where each is."""
    pixels = np.random.default_rng(0).normal(0, 4, (160, 220, 3)) + np.array([90, 150, 70])
    image, truth = Image.fromarray(pixels.clip(0, 255).astype(np.uint8)), {}
    for name, box in DISCS.items():
        ImageDraw.Draw(image).ellipse(box, fill=(190, 60, 50))
        drawn = Image.new("1", image.size)
        ImageDraw.Draw(drawn).ellipse(box, fill=1)
        truth[name] = np.asarray(drawn)
    return Photo(path=Path("two.png"), image=image), truth


def both(image: Image.Image) -> Image.Image:
    """See what is red, as a network would."""
    small = np.asarray(image.resize((320, 320))).astype(int)
    return Image.fromarray((255 * (small[..., 0] - small[..., 1] > 60)).astype(np.uint8))


@pytest.mark.parametrize("look", [both, lambda image: None], ids=["network", "no network"])
@pytest.mark.parametrize("name", DISCS)
def test_a_box_gives_what_is_in_it(look, name) -> None:
    photo, truth = two_discs()
    left, top, right, bottom = DISCS[name]
    found = subject_in_box(photo, Box(left - 6, top - 6, right - left + 12, bottom - top + 12), look)
    assert overlap(found.mask, truth[name]) > 0.93 and found.warnings == ()


@pytest.mark.parametrize("look", [both, lambda image: None], ids=["network", "no network"])
@pytest.mark.parametrize("name", DISCS)
def test_a_point_gives_the_thing_that_it_is_on(look, name) -> None:
    photo, truth = two_discs()
    left, top, right, bottom = DISCS[name]
    found = subject_at(photo, Point((left + right) / 2, (top + bottom) / 2), look)
    assert overlap(found.mask, truth[name]) > 0.9
    assert is_doubtful(found.warnings) == (look is not both), "another thing that stands out is no reason to doubt"


def test_a_mask_that_fills_a_box_at_the_edges_of_its_picture_is_worth_a_look() -> None:
    photo, _ = two_discs()
    found = subject_in_box(photo, Box(0, 0, 50, 100, percent=True), lambda image: Image.new("L", (320, 320), 255))
    assert found.warnings == (FILLS_BOX,) and is_doubtful(found.warnings)


def test_the_surer_map_of_the_picture_and_of_a_window_is_taken() -> None:
    photo, truth = two_discs()

    def look(image: Image.Image) -> Image.Image:
        sure = np.asarray(both(image))
        if image.size == photo.image.size:  # both discs and all between them, and the network does not know
            return Image.fromarray(np.where(sure > 0, 255, 140).astype(np.uint8))
        return Image.fromarray(sure)

    found = subject_at(photo, Point(60, 90), look)
    assert overlap(found.mask, truth["left"]) > 0.9
    assert found.warnings == ()


def test_a_picture_that_is_its_own_window_is_seen_once() -> None:
    photo, _ = two_discs()
    square = Photo(path=photo.path, image=photo.image.crop((0, 0, 120, 120)))
    seen = []
    subject_at(square, Point(60, 60), lambda image: seen.append(image.size) or both(image))
    assert seen == [(120, 120)]


def test_a_doubtful_mask_of_a_point_is_said() -> None:
    photo, _ = two_discs()
    blurred = subject_at(photo, Point(60, 90), lambda image: both(image).point(lambda value: 100 + value // 3))
    assert blurred.warnings == ("look at its mask: its outline is uncertain, other things stand out too",)
    assert subject_at(photo, Point(60, 90)).warnings == ("look at its mask: it was found by colour alone",)


def test_a_point_beside_everything_that_stands_out_is_cut_by_colour() -> None:
    photo, truth = two_discs()
    found = subject_at(photo, Point(60, 90), lambda image: Image.new("L", (320, 320)))
    assert overlap(found.mask, truth["left"]) > 0.9


def test_a_box_outside_is_refused_by_the_pictures_name() -> None:
    with pytest.raises(MaskRefused, match=r"The box 200,0,30,30 reaches outside two\.png, which has 220 x 160 pixels"):
        subject_in_box(two_discs()[0], Box(200, 0, 30, 30))


def test_a_wrong_mask_of_a_photograph_is_mended_by_a_box() -> None:
    name = "teapot/02.jpg"  # alone, the network finds the stone under the teapot too
    with PictureDoor() as door:
        photo = door.photo(PHOTOS / name)
        truth = outlined(json.loads(LABELS.read_text(encoding="utf-8"))["outlines"][name], photo.image.size)
        assert overlap(find_subject(photo, "auto", door.salience).mask, truth) < 0.6
        assert overlap(subject_in_box(photo, box_around(truth), door.salience).mask, truth) > 0.85


def test_a_wrong_mask_of_a_photograph_is_mended_by_a_point() -> None:
    name = "vase/05.jpg"  # alone, the network finds the table under the vase too
    with PictureDoor() as door:
        photo = door.photo(PHOTOS / name)
        truth = outlined(json.loads(LABELS.read_text(encoding="utf-8"))["outlines"][name], photo.image.size)
        assert overlap(find_subject(photo, "auto", door.salience).mask, truth) < 0.5
        found = subject_at(photo, point_within(truth), door.salience)
    assert overlap(found.mask, truth) > 0.8 and found.warnings == ()


def test_the_marks_of_the_benchmark_are_those_that_a_user_would_make() -> None:
    truth = np.zeros((100, 200), bool)
    truth[20:60, 40:140] = True
    assert box_around(truth) == Box(35, 18, 110, 44)
    assert point_within(truth) in [Point(x, y) for x in range(55, 125) for y in (39, 40)]


def test_a_box_that_cuts_the_subject_is_questioned_but_not_at_the_edge_of_the_picture() -> None:
    pixels = np.full((100, 100, 3), (90, 150, 70), np.uint8)
    pixels[:70, :70] = (190, 60, 50)
    photo = Photo(path=Path("a.png"), image=Image.fromarray(pixels))
    salience = Image.fromarray(np.where(np.ones((320, 320), bool), np.uint8(255), np.uint8(0)))
    cut = subject_in_box(photo, Box(20, 20, 40, 40), lambda image: salience)
    assert cut.warnings == ("the mask touches the box on 4 sides: is the whole subject in it?",)
    assert without_mask_warnings(cut.warnings) == ()
    whole = subject_in_box(photo, Box(0, 0, 80, 80))
    assert not any("touches the box" in text for text in whole.warnings)


@pytest.mark.parametrize(("rim", "touched"), [(0, 2), (2, 2), (3, 0)])
def test_a_mask_touches_a_side_of_its_box_also_with_a_thin_rim(rim, touched) -> None:
    subject = np.zeros((100, 100), bool)
    subject[20 + rim : 60, 30 + rim : 60] = True
    assert marked._touched(subject, (30, 20, 90, 80)) == touched
