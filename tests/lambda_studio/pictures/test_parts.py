"""Parts of a picture: inside it, with or around its subject, in the shape of a bucket, and known by their text."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lambda_studio.pictures.parts import (
    NEAR,
    Crop,
    Extent,
    bucket_of,
    main_crop,
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


def extent(width: int, height: int, box: tuple[int, int, int, int]) -> Extent:
    return Extent.of(mask(width, height, box))


@given(SIDES, SIDES, st.data(), st.integers(1, 6), st.integers(1, 80))
def test_every_crop_is_inside_and_holds_the_subject_where_it_can(width, height, data, count, least) -> None:
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    box = (left, top, data.draw(st.integers(left + 1, width)), data.draw(st.integers(top + 1, height)))
    crops = list(subject_crops(extent(width, height, box), count, least))
    assert len(crops) == count
    assert [crop.width for crop in crops] == sorted(crop.width for crop in crops)
    for crop in crops:
        assert crop.is_inside((width, height))
        assert crop.width >= min(least, width, height)
        for start, end, at in ((box[0], box[2], crop.left), (box[1], box[3], crop.top)):
            assert crop.width < end - start or (at <= start and end <= at + crop.width)
    assert crops == list(subject_crops(extent(width, height, box), count, least))


@given(SIDES, SIDES, st.data(), st.integers(1, 4), st.integers(1, 4))
def test_the_main_crop_has_as_much_of_the_subject_as_any_and_the_subject_is_nearest_to_its_middle(
    width, height, data, across, down
) -> None:
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    box = (left, top, data.draw(st.integers(left + 1, width)), data.draw(st.integers(top + 1, height)))
    subject, middle = extent(width, height, box), middle_crop(width, height, (across, down))
    main = main_crop(width, height, subject, (across, down))
    assert (main.width, main.height) == (middle.width, middle.height) and main.is_inside((width, height))

    def inside(crop: Crop) -> int:
        wide = min(box[2], crop.left + crop.width) - max(box[0], crop.left)
        high = min(box[3], crop.top + crop.height) - max(box[1], crop.top)
        return max(0, wide) * max(0, high)

    def off(crop: Crop) -> float:
        x, y = crop.left + crop.width / 2, crop.top + crop.height / 2
        return abs(x - (box[0] + box[2]) / 2) + abs(y - (box[1] + box[3]) / 2)

    others = [
        Crop(x, y, main.width, main.height)
        for x in range(width - main.width + 1)
        for y in range(height - main.height + 1)
    ]
    most = max(map(inside, others))
    assert inside(main) >= NEAR * most
    assert off(main) == pytest.approx(min(off(each) for each in others if inside(each) >= NEAR * most))
    assert subject.share_in(main) == pytest.approx(inside(main) / ((box[2] - box[0]) * (box[3] - box[1])))


def test_a_picture_without_a_subject_has_its_middle() -> None:
    nothing = Extent.of(Image.new("L", (80, 60)))
    assert main_crop(80, 60, None) == main_crop(80, 60, nothing) == middle_crop(80, 60)
    assert (nothing.box, nothing.pixels, nothing.share_in(middle_crop(80, 60))) == (None, 0, 0.0)


def test_a_few_wrong_pixels_of_a_mask_do_not_move_the_main_crop_from_the_subject() -> None:
    drawn = mask(160, 90, (2, 10, 60, 80))
    drawn.paste(255, (157, 0, 160, 3))
    assert main_crop(160, 90, Extent.of(drawn)).left == 0
    drawn = mask(160, 90, (60, 10, 100, 80))
    alone = main_crop(160, 90, Extent.of(drawn)).left
    drawn.paste(255, (148, 0, 151, 3))
    assert abs(main_crop(160, 90, Extent.of(drawn)).left - alone) <= 1, "they would be within reach"


def test_the_zooms_are_a_series_from_the_subject_with_a_margin_to_the_whole() -> None:
    found = list(subject_crops(extent(200, 100, (110, 40, 130, 60)), 2, 1))
    assert found == [Crop.square(107, 37, 25), Crop.square(95, 25, 50)]
    assert next(subject_crops(extent(200, 100, (110, 40, 130, 60)), 1, 64)).width == 64, "not closer than the least"
    assert list(subject_crops(extent(200, 100, (0, 90, 20, 100)), 1, 1)) == [Crop.square(0, 75, 25)], (
        "moved into the picture"
    )


def test_variants_begin_with_the_main_crop_and_are_different() -> None:
    small = extent(80, 60, (10, 10, 30, 30))
    assert variants(middle_crop(80, 60), None, 4, 8, False) == [middle_crop(80, 60)] == [Crop.square(10, 0, 60)]
    assert variants(middle_crop(80, 60), small, 1, 8, False) == [Crop.square(10, 0, 60)]
    four = variants(middle_crop(80, 60), small, 4, 8, False)
    assert four[0] == Crop.square(10, 0, 60) and len(set(four)) == 4
    assert variants(middle_crop(60, 60), extent(60, 60, (0, 0, 60, 60)), 4, 8, False) == [Crop.square(0, 0, 60)], (
        "the subject is all of it"
    )
    assert variants(middle_crop(60, 60), Extent.of(Image.new("L", (60, 60))), 4, 8, False) == [Crop.square(0, 0, 60)], (
        "there is no subject"
    )
    both = variants(middle_crop(80, 60), small, 2, 8, True)
    assert [crop.mirrored for crop in both] == [False, True] * 2 and str(both[1]) == "10,0,60 mirrored"


@given(st.integers(0, 999999), st.integers(0, 999999), st.integers(0, 999999), st.booleans())
def test_a_crop_is_found_by_its_text(left: int, top: int, side: int, mirrored: bool) -> None:
    for crop in (Crop.square(left, top, side, mirrored), Crop(left, top, side, top, mirrored)):
        assert Crop.find(str(crop)) == crop


@pytest.mark.parametrize("text", ["", "1,2", "1,2,3,3", "-1,2,3", "1,2,3 mirrored ", "1.0,2,3", "١,2,3"])
def test_a_text_of_no_crop_finds_none(text: str) -> None:
    assert Crop.find(text) is None


def test_a_part_is_cut_and_mirrored() -> None:
    image = Image.new("RGB", (8, 4), "blue")
    image.paste("red", (2, 0, 4, 4))
    plain, mirrored = (np.asarray(Crop.square(2, 0, 4, mirror).cut(image)) for mirror in (False, True))
    assert plain.shape == (4, 4, 3)
    assert (plain[:, :2] == (255, 0, 0)).all() and (plain[:, 2:] == (0, 0, 255)).all()
    assert (mirrored == plain[:, ::-1]).all()
    assert not Crop.square(5, 0, 4).is_inside(image.size) and not Crop.square(0, 0, 0).is_inside(image.size)


def test_the_share_of_a_subject_is_the_mean_of_its_mask() -> None:
    subject = mask(16, 8, (4, 0, 8, 8))
    assert subject_box(subject) == (4, 0, 8, 8)
    shares = np.asarray(share_of_subject(subject, Crop.square(4, 0, 8), 4, 4))
    assert (shares[:, :2] == 255).all() and (shares[:, 2:] == 0).all()
    assert (np.asarray(share_of_subject(subject, Crop.square(2, 0, 4, mirrored=True), 1, 1)) == 128).all()


@given(st.integers(1, 6000), st.integers(1, 6000))
def test_a_bucket_is_drawable_no_larger_than_the_square_and_the_nearest(width: int, height: int) -> None:
    wide, high = bucket_of(width, height, 512, 64)
    assert wide % 64 == high % 64 == 0 and wide * high <= 512 * 512 and max(wide, high) <= 2 * min(wide, high)
    assert bucket_of(height, width, 512, 64) == (high, wide) or width == height
    assert (wide > high) <= (width > height), "never turned"
    part = middle_crop(width, height, (wide, high))
    assert part.is_inside((width, height))


def test_photographs_of_phones_keep_their_shape() -> None:
    assert bucket_of(4032, 3024, 512, 64) == (576, 448)
    assert bucket_of(3024, 4032, 512, 64) == (448, 576)
    assert bucket_of(1920, 1080, 512, 64) == (640, 384)
    assert bucket_of(1000, 1001, 512, 64) == (512, 512)
    assert bucket_of(9000, 100, 512, 64) == (640, 384)
    assert middle_crop(4032, 3024, (576, 448)) == Crop(72, 0, 3888, 3024)
    assert str(Crop(72, 0, 3888, 3024)) == "72,0,3888,3024"
