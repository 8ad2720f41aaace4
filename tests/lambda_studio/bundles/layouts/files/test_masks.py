"""Masks beside pictures, and files whose names only look like it."""

from pathlib import Path

import pytest

from tests.lambda_studio.bundles.layouts.laid import aside, lay, masks, planned, subjects


@pytest.mark.parametrize(
    ("picture", "mask"),
    [
        ("rex/0.jpg", "rex/0-masklabel.png"),
        ("rex/0.jpg", "rex/0.mask.png"),
        ("rex/0.jpg", "rex/0_mask.png"),
        ("rex/0.JPG", "rex/0-Matte.PNG"),
        ("rex/0.jpg", "rex/0.jpg.mask.png"),
        ("rex/0.jpg", "rex_masks/0.png"),
        ("rex/0.jpg", "rex-mask/0_mask.png"),
        ("rex/0.jpg", "rex/masks/0.png"),
        ("rex/0.jpg", "masks/rex/0.png"),
        ("images/rex/a/0.jpg", "images/rex/masks/a/0.png"),
        ("images/rex/0.jpg", "masks/rex/0.png"),
    ],
)
def test_a_mask_is_found_beside_its_picture(tmp_path: Path, picture: str, mask: str) -> None:
    plan = planned(lay(tmp_path, picture, mask, other := picture.replace("rex", "minka")))
    assert subjects(plan) == {"minka": ("minka", [other]), "rex": ("rex", [picture])}
    assert masks(plan) == {picture: mask}
    assert (plan.faults, plan.left_aside) == ((), ())


def test_without_a_picture_of_its_name_nothing_is_a_mask(tmp_path: Path) -> None:
    plan = planned(lay(tmp_path, "party/face_mask.jpg", "halloween/a.jpg", "halloween_masks/b.jpg"))
    assert [each.name for each in plan.subjects] == ["halloween", "halloween_masks", "party"]
    assert masks(plan) == {}


def test_masks_without_a_picture_second_masks_and_condition_images_are_left_aside(tmp_path: Path) -> None:
    names = ["0.jpg", "0-masklabel.png", "0_mask.png", "1-masklabel.png", "0-condlabel.png", "masks/7.png"]
    plan = planned(lay(tmp_path, *(f"rex/{name}" for name in names), "rex/masks/0.png"))
    assert subjects(plan) == {"rex": ("rex", ["rex/0.jpg"])}
    assert masks(plan) == {"rex/0.jpg": "rex/0-masklabel.png"}
    assert aside(plan) == {
        "rex/0_mask.png": "second masks of pictures",
        "rex/masks/0.png": "second masks of pictures",
        "rex/1-masklabel.png": "masks without a picture of their name",
        "rex/masks/7.png": "masks without a picture of their name",
        "rex/0-condlabel.png": "OneTrainer's condition images",
    }
