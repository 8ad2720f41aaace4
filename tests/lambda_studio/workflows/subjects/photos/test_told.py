"""Warnings of new images: numbers, and one line for a burst."""

from dataclasses import replace

import pytest
from PIL import Image

from lambda_studio.pictures.near_duplicates import ALMOST
from lambda_studio.pictures.sharpness import BLURRED_SAID
from lambda_studio.workflows.subjects.photos.told import ranges, told_warnings


def test_a_burst_is_told_once_with_the_images_to_drop(put, plain) -> None:
    images = [plain(colour) for colour in ("red", "lime", "blue", "black", "white")]
    concept = put("my dog", *images)
    names = [image.source_name for image in concept.images]
    said = [
        (1, names[0], ("it is odd",)),
        (2, names[1], (ALMOST + names[0],)),
        (3, names[2], (ALMOST + names[0], ALMOST + names[1])),
        (5, names[4], (ALMOST + names[2],)),
    ]
    assert list(told_warnings(concept, said)) == [
        f"image 1 ({names[0]}): it is odd",
        "4 pictures are almost the same (images 1-3, 5): keep one: studio concepts edit 'my dog' --drop 2-3 --drop 5",
    ]


@pytest.mark.parametrize(
    ("sizes", "blurred", "said"),
    [
        ((320, 1536, 640), (), "keep image 2, the sharpest or largest: studio concepts edit rex --drop 1 --drop 3"),
        ((320, 1536, 640), (2,), "keep image 3, the sharpest or largest: studio concepts edit rex --drop 1-2"),
        ((640, 640, 320), (), "keep one: studio concepts edit rex --drop 2-3"),
    ],
)
def test_of_a_burst_the_sharpest_and_then_the_largest_is_kept(put, plain, sizes, blurred, said) -> None:
    concept = put("rex", *(plain(colour) for colour in ("red", "lime", "blue")))
    images = tuple(
        replace(image, width=side, height=side, warnings=(BLURRED_SAID,) if number in blurred else ())
        for number, (image, side) in enumerate(zip(concept.images, sizes, strict=True), start=1)
    )
    first = images[0].source_name
    near = [(number, images[number - 1].source_name, (ALMOST + first,)) for number in (2, 3)]
    told = list(told_warnings(replace(concept, images=images), near))
    assert told == [f"3 pictures are almost the same (images 1-3): {said}"]


def test_two_pairs_have_one_command_because_an_edit_changes_the_numbers(put, plain) -> None:
    concept = put("rex", *(plain(colour) for colour in ("red", "lime", "blue", "black")))
    names = [image.source_name for image in concept.images]
    told = list(told_warnings(concept, [(2, names[1], (ALMOST + names[0],)), (4, names[3], (ALMOST + names[2],))]))
    assert told == [
        "pictures are almost the same (images 1-2; images 3-4): keep images 1, 3, the sharpest or largest of each: "
        "studio concepts edit rex --drop 2 --drop 4"
    ]


def test_near_duplicates_of_equal_names_are_told_by_their_numbers(studio, tmp_path) -> None:
    photos = []
    for number, colours in enumerate((("red", "blue"), ("lime", "black"))):
        for size in ((80, 80), (60, 60)):
            path = tmp_path / f"{number}-{size[0]}" / "1.png"
            path.parent.mkdir()
            picture = Image.new("RGB", (80, 80), colours[0])
            picture.paste(colours[1], (10, 50 * number, 60, 50 * number + 30))
            picture.resize(size).save(path)
            photos.append(path)
    added = studio.concepts.add("rex", photos, noun="dog", segment="none")
    drop = "studio concepts edit rex --drop 2 --drop 4"
    groups = "(images 1-2; images 3-4): keep images 1, 3, the sharpest or largest of each"
    assert f"pictures are almost the same {groups}: {drop}" in added.warnings

    def shown() -> list[tuple[str, ...]]:
        return [image.warnings for image in studio.concepts.show("rex").images]

    assert shown() == [(), (f"{ALMOST}image 1 (1.png)",), (), (f"{ALMOST}image 3 (1.png)",)]
    studio.concepts.edit("rex", drop=[1])
    assert shown() == [(), (), (f"{ALMOST}image 2 (1.png)",)]


def test_numbers_in_a_row_are_told_together() -> None:
    assert ranges([1, 3, 4, 5, 9]) == ["1", "3-5", "9"]
