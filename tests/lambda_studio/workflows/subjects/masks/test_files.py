"""Images and masks become files, one image at a time, under names that stay in their folder."""

import io

import pytest
from PIL import Image

from lambda_studio.workflows.subjects.masks.files import mask_files, mask_name, picture_name


@pytest.mark.parametrize(
    ("source_name", "picture", "mask"),
    [
        ("IMG_1.jpg", "1-IMG_1.png", "1-IMG_1.mask.png"),
        ("../../evil", "1-evil.png", "1-evil.mask.png"),
        ("a\\b\0.heic", "1-a_b_.png", "1-a_b_.mask.png"),
        ("x" * 300, f"1-{'x' * 200}.png", f"1-{'x' * 200}.mask.png"),
    ],
)
def test_files_are_named_by_their_numbers_and_stay_in_their_folder(source_name, picture, mask) -> None:
    assert (picture_name(1, source_name), mask_name(1, source_name)) == (picture, mask)


def test_each_image_is_given_as_it_is_stored_and_its_mask_beside_it(studio, put, plain) -> None:
    concept = put("rex", plain("red"), plain("lime", masked=True))
    files = dict(mask_files(studio.workplace, concept))
    assert list(files) == ["1-red.png", "1-red.mask.png", "2-lime.png", "2-lime.mask.png"]
    for number, image in enumerate(concept.images, start=1):
        stem = image.source_name.removesuffix(".png")
        with Image.open(io.BytesIO(files[f"{number}-{stem}.png"])) as picture:
            assert (picture.mode, picture.size) == ("RGB", (image.width, image.height))
        with Image.open(io.BytesIO(files[f"{number}-{stem}.mask.png"])) as mask:
            assert (mask.mode, mask.size) == ("L", picture.size)
            assert mask.histogram()[255] == (48 * 36 if image.mask_sha is None else 12 * 36)
