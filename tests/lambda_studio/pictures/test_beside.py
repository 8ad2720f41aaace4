"""Two cut-out subjects stand beside each other, each whole and only once."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from lambda_studio.pictures.beside import LARGEST, CutOut, beside, cut

RED, BLUE, GREEN = (200, 20, 20), (20, 20, 200), (10, 120, 10)
STILL = (0.5, 0.5, 0.5, 0.5)


def photo(colour: tuple[int, int, int], box: tuple[int, int, int, int]) -> tuple[Image.Image, Image.Image]:
    """A subject of one colour on green, and its mask."""
    image, mask = Image.new("RGB", (120, 90), GREEN), Image.new("L", (120, 90))
    ImageDraw.Draw(image).rectangle(box, fill=colour)
    ImageDraw.Draw(mask).rectangle(box, fill=255)
    return image, mask


def subjects() -> list[CutOut]:
    found = [cut(*photo(RED, (10, 20, 49, 79)), 48), cut(*photo(BLUE, (60, 50, 119, 69)), 64)]
    return [each for each in found if each]


def test_a_subject_is_cut_out_whole_with_the_colour_around_it() -> None:
    red, blue = subjects()
    assert red.image.size == red.mask.size == (32, 48), "smaller, of the same shape"
    assert blue.image.size == (60, 20), "not enlarged"
    assert np.asarray(red.mask).min() == 255 and red.around == GREEN


def test_an_empty_mask_cuts_out_nothing() -> None:
    image, _ = photo(RED, (10, 20, 49, 79))
    assert cut(image, Image.new("L", image.size), 64) is None
    speck = Image.new("L", image.size)
    speck.paste(255, (0, 0, 5, 5))
    assert cut(image, speck, 64) is None, "a speck is no subject"
    whole = cut(image, Image.new("L", image.size, 255), 64)
    assert whole and whole.around == (255, 255, 255), "nothing is around it"


@pytest.mark.parametrize("side", [64, 512])
def test_two_subjects_stand_beside_each_other(side: int) -> None:
    picture, mask = beside(subjects(), side, STILL)
    pixels, shown = np.asarray(picture).astype(int), np.asarray(mask) > 127
    halves = {RED: slice(0, side // 2), BLUE: slice(side // 2, None)}
    for colour, half in halves.items():
        same = np.abs(pixels - colour).sum(-1) < 60
        assert same[:, half].sum() == same.sum() > 0, "each is in its own half"
        assert shown[same].mean() > 0.97
        tall, wide = (int(same.any(axis).sum()) for axis in (1, 0))
        assert abs(max(tall, wide) / side - LARGEST) < 0.03
    assert np.abs(pixels[~shown] - GREEN).sum(-1).mean() < 3, "else the colour around the first"
    feet = [np.flatnonzero(shown[:, half].any(1)).max() for half in halves.values()]
    assert abs(feet[0] - feet[1]) <= 1, "on one ground"


def test_the_dice_move_each_subject() -> None:
    still, moved = (np.asarray(beside(subjects(), 100, dice)[1]) > 127 for dice in (STILL, (1.0, 0.5, 0.5, 0.5)))
    left = [np.flatnonzero(each[:, :50].any(0)).min() for each in (still, moved)]
    right = [np.flatnonzero(each[:, 54:].any(0)).min() for each in (still, moved)]
    assert left[1] - left[0] == 4 and right[0] == right[1]


def test_the_mirror_image_of_a_cut_out_has_its_mask_mirrored_too() -> None:
    image, mask = photo(RED, (10, 20, 49, 79))
    ImageDraw.Draw(image).rectangle((10, 20, 20, 79), fill=BLUE)
    ImageDraw.Draw(mask).rectangle((10, 20, 20, 40), fill=0)
    found = cut(image, mask, 64)
    assert found
    mirrored = found.mirrored()
    for one, other in ((found.image, mirrored.image), (found.mask, mirrored.mask)):
        assert np.array_equal(np.asarray(one)[:, ::-1], np.asarray(other)) and one.tobytes() != other.tobytes()
    assert mirrored.around == found.around
