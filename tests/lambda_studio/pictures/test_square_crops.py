"""Squares of a picture: inside it, around its subject, and known by their text."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lambda_studio.pictures.square_crops import (
    Crop,
    middle_crop,
    share_of_subject,
    subject_box,
    subject_crops,
    variants,
)

SIDES = st.integers(1, 60)


def mask(width: int, height: int, box: tuple[int, int, int, int]) -> Image.Image:
    drawn = Image.new("L", (width, height))
    drawn.paste(255, box)
    return drawn


@given(SIDES, SIDES, st.data(), st.integers(1, 6), st.integers(1, 80))
def test_every_crop_is_inside_and_holds_the_subject_where_it_can(width, height, data, count, least) -> None:
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    box = (left, top, data.draw(st.integers(left + 1, width)), data.draw(st.integers(top + 1, height)))
    crops = list(subject_crops(mask(width, height, box), count, least))
    assert len(crops) == count
    assert [crop.side for crop in crops] == sorted(crop.side for crop in crops)
    for crop in crops:
        assert crop.is_inside((width, height))
        assert crop.side >= min(least, width, height)
        for start, end, at in ((box[0], box[2], crop.left), (box[1], box[3], crop.top)):
            assert crop.side < end - start or (at <= start and end <= at + crop.side)
    assert crops == list(subject_crops(mask(width, height, box), count, least))


def test_the_zooms_are_a_series_from_the_subject_with_a_margin_to_the_whole() -> None:
    found = list(subject_crops(mask(200, 100, (110, 40, 130, 60)), 2, 1))
    assert found == [Crop(107, 37, 25), Crop(95, 25, 50)]
    assert next(subject_crops(mask(200, 100, (110, 40, 130, 60)), 1, 64)).side == 64, "not closer than the least"
    assert list(subject_crops(mask(200, 100, (0, 90, 20, 100)), 1, 1)) == [Crop(0, 75, 25)], "moved into the picture"


def test_variants_begin_with_the_middle_and_are_different() -> None:
    small = mask(80, 60, (10, 10, 30, 30))
    assert variants((80, 60), None, 4, 8, False) == [middle_crop(80, 60)] == [Crop(10, 0, 60)]
    assert variants((80, 60), small, 1, 8, False) == [Crop(10, 0, 60)]
    four = variants((80, 60), small, 4, 8, False)
    assert four[0] == Crop(10, 0, 60) and len(set(four)) == 4
    assert variants((60, 60), mask(60, 60, (0, 0, 60, 60)), 4, 8, False) == [Crop(0, 0, 60)], "the subject is all of it"
    assert variants((60, 60), Image.new("L", (60, 60)), 4, 8, False) == [Crop(0, 0, 60)], "there is no subject"
    both = variants((80, 60), small, 2, 8, True)
    assert [crop.mirrored for crop in both] == [False, True] * 2 and str(both[1]) == "10,0,60 mirrored"


@given(st.integers(0, 999999), st.integers(0, 999999), st.integers(0, 999999), st.booleans())
def test_a_crop_is_found_by_its_text(left: int, top: int, side: int, mirrored: bool) -> None:
    crop = Crop(left, top, side, mirrored)
    assert Crop.find(str(crop)) == crop


@pytest.mark.parametrize("text", ["", "1,2", "1,2,3,4", "-1,2,3", "1,2,3 mirrored ", "1.0,2,3", "١,2,3"])
def test_a_text_of_no_crop_finds_none(text: str) -> None:
    assert Crop.find(text) is None


def test_a_part_is_cut_and_mirrored() -> None:
    image = Image.new("RGB", (8, 4), "blue")
    image.paste("red", (2, 0, 4, 4))
    plain, mirrored = (np.asarray(Crop(2, 0, 4, mirror).cut(image)) for mirror in (False, True))
    assert plain.shape == (4, 4, 3)
    assert (plain[:, :2] == (255, 0, 0)).all() and (plain[:, 2:] == (0, 0, 255)).all()
    assert (mirrored == plain[:, ::-1]).all()
    assert not Crop(5, 0, 4).is_inside(image.size) and not Crop(0, 0, 0).is_inside(image.size)


def test_the_share_of_a_subject_is_the_mean_of_its_mask() -> None:
    subject = mask(16, 8, (4, 0, 8, 8))
    assert subject_box(subject) == (4, 0, 8, 8)
    shares = np.asarray(share_of_subject(subject, Crop(4, 0, 8), 4))
    assert (shares[:, :2] == 255).all() and (shares[:, 2:] == 0).all()
    assert (np.asarray(share_of_subject(subject, Crop(2, 0, 4, mirrored=True), 1)) == 128).all()
