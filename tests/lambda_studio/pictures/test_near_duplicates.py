"""Photos that are almost the same are told by name: copies, and the photos of a handheld burst."""

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter

from lambda_studio.pictures.files.opening import open_photo
from lambda_studio.pictures.files.png import sha256
from lambda_studio.pictures.near_duplicates import ALMOST, NearDuplicates, other_in
from tests.lambda_studio.pictures.pattern import pattern, written


def scene(seed: int, side: int = 480) -> Image.Image:
    """Return a picture of soft coloured patches, as a photograph has."""
    patches = np.random.default_rng(seed).integers(0, 255, (7, 7, 3), dtype=np.uint8)
    return Image.fromarray(patches).resize((side, side), Image.Resampling.BICUBIC)


def burst(picture: Image.Image, frames: int, turn: float, shift: float) -> list[Image.Image]:
    """Return the frames of a burst from the hand: each is turned by degrees, shifted by a share, a little brighter."""
    side, taken = picture.width, []
    for number in range(frames):
        left, top = round(side * (0.02 + number * shift)), round(side * 0.02)
        turned = picture.rotate(number * turn - 1, Image.Resampling.BICUBIC)
        part = turned.crop((left, top, left + round(0.94 * side), top + round(0.94 * side))).resize(picture.size)
        taken.append(ImageEnhance.Brightness(part).enhance(1 + 0.01 * number))
    return taken


def sha(number: int) -> str:
    """Return a hash that stands for a picture's."""
    return sha256(str(number).encode())


def told(pictures: list[Image.Image]) -> list[tuple[str, ...]]:
    """Return what is said of each picture, which are named by their numbers."""
    known, said = NearDuplicates(), []
    for number, picture in enumerate(pictures, start=1):
        said.append(
            tuple(
                str(other_in(text, [(str(at), sha(at)) for at in (1, 2, 3, 4, 5, 6, 7)]))
                for text in known.near(picture)
            )
        )
        known.remember("same name", sha(number), picture)
    return said


def test_near_duplicates_are_warned_of_by_name(tmp_path):
    first = written(tmp_path / "first.png", pattern())
    other = written(tmp_path / "other.png", pattern().transpose(Image.Transpose.ROTATE_180))
    again = written(tmp_path / "again.jpg", pattern(), quality=80)
    known = NearDuplicates()
    warnings = [known.warnings(open_photo(path), sha(at)) for at, path in enumerate((first, other, again, first))]
    named = ((0, "first.png"), (2, "again.jpg"))
    again_too = tuple(f"almost the same picture as {name} #{sha(at)[:12]}" for at, name in named)
    assert warnings == [(), (), again_too[:1], again_too]


def test_the_other_picture_is_found_by_its_hash_and_in_older_texts_by_its_name() -> None:
    pictures = [("1.jpg", sha(1)), ("1.jpg", sha(2)), ("a #0123456789ab", sha(3))]
    assert other_in(f"{ALMOST}1.jpg #{sha(2)[:12]}", pictures) == 2
    assert other_in(f"{ALMOST}1.jpg", pictures) == 1
    assert other_in(f"{ALMOST}a #0123456789ab #{sha(3)[:12]}", pictures) == 3
    assert other_in(f"{ALMOST}1.jpg #{sha(4)[:12]}", pictures) is None, "it is gone"
    assert other_in("its subject is tiny", pictures) is None


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("seed", range(4))
def test_each_frame_of_a_handheld_burst_is_near_an_earlier_one(seed, times):
    said = told(burst(scene(seed), 6, 0.4 * times, 5 * times / 1600))
    assert said[0] == () and all(said[1:]), "each of the others names an earlier one: one chain"


@pytest.mark.parametrize(
    "change",
    [
        lambda picture: picture.resize((120, 120)),
        lambda picture: picture.filter(ImageFilter.GaussianBlur(4)),
        lambda picture: ImageEnhance.Brightness(picture).enhance(0.8),
        lambda picture: ImageEnhance.Contrast(picture).enhance(0.8),
    ],
    ids=["smaller", "blurred", "darker", "paler"],
)
def test_a_changed_copy_is_near_its_original(change):
    assert told([scene(0), change(scene(0))]) == [(), ("1",)]


def test_other_pictures_are_not_near_however_little_contrast_they_have():
    pale = [Image.blend(scene(seed), Image.new("RGB", (480, 480), "grey"), 0.8) for seed in range(6)]
    flat = Image.new("RGB", (480, 480), "grey")
    assert told([*map(scene, range(6)), flat]) == [()] * 7
    assert told([flat, *pale]) == [()] * 7


def test_the_ends_of_a_burst_that_moves_far_are_other_pictures():
    first, *_, last = burst(scene(0), 6, 5, 1 / 30)
    assert told([first, last]) == [(), ()]


def test_a_small_subject_that_is_elsewhere_makes_another_picture():
    pictures = []
    for left in (40, 300):
        picture = Image.new("RGB", (480, 480), "white")
        picture.paste((40, 60, 160), (left, 200, left + 80, 280))
        pictures.append(picture)
    assert told(pictures) == [(), ()]
