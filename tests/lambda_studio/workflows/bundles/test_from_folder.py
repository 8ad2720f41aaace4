"""A folder of pictures on its way in: all of it is looked at, and its bytes wait on the disk."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from concepts.records import manifest
from lambda_studio.bundles.layouts.plan import Choices, Plan
from lambda_studio.errors import BundleRefused
from lambda_studio.pictures.files.png import decode_png
from lambda_studio.workflows.bundles.from_folder import open_folder

OTHER_SIZE = "(a mask) has 36 x 36 pixels and its picture 48 x 40"


def picture(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (40, 48, 3), dtype=np.uint8)).save(path)
    return path


def mask(path: Path, size: tuple[int, int] = (48, 40)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    drawn = Image.new("L", size)
    drawn.paste(255, (10, 10, 30, 30))
    drawn.save(path)
    return path


def unplanned(plan: Plan) -> None:
    """Not asked here."""


def test_each_folder_is_a_concept_with_its_images_and_what_is_to_be_said_of_them(studio, tmp_path) -> None:
    for number in (10, 2):
        picture(tmp_path / "train" / "10_rex dog" / f"{number}.png", number)
    picture(tmp_path / "train" / "5_cat" / "1.png", 3)
    plans: list[Plan] = []
    with open_folder(studio.workplace, tmp_path / "train", Choices(), plans.append) as (concepts, size, plan):
        images = {each.name: list(each.images()) for each in concepts}
    assert [(each.name, each.noun) for each in concepts] == [("cat", "cat"), ("rex", "dog")]
    assert [each.manifest for each in concepts] == [manifest(each.noun, images[each.name]) for each in concepts]
    assert [image.source_name for image in images["rex"]] == ["2.png", "10.png"]
    assert size == sum(len(image.data) + len(image.mask or b"") for each in images.values() for image in each)
    assert plans == [plan]
    assert studio.concepts.list() == [], "nothing is stored yet"


def test_masks_beside_pictures_are_used_and_the_others_found(studio, tmp_path) -> None:
    for number in (1, 2):
        picture(tmp_path / "set" / "rex" / f"{number}.png", number)
    mask(tmp_path / "set" / "rex_masks" / "1.png")
    with open_folder(studio.workplace, tmp_path / "set", Choices(), unplanned) as (concepts, _, _):
        first, second = concepts[0].images()
    assert np.asarray(decode_png(first.mask)).mean() == pytest.approx(255 * 400 / (48 * 40))
    assert second.mask != first.mask


def bad_folder(root: Path) -> Path:
    """A folder whose faults are seen only in what is decoded: pictures of one colour, a mask of another size."""
    picture(root / "10_rex dog" / "1.png")
    Image.new("RGB", (48, 40), "red").save(root / "10_rex dog" / "2.png")
    mask(root / "10_rex dog" / "1.mask.png", (36, 36))
    (root / "5_cat").mkdir()
    Image.new("RGB", (48, 40), "blue").save(root / "5_cat" / "1.png")
    return root


def test_pictures_and_masks_that_cannot_be_used_are_told_together(studio, tmp_path) -> None:
    source = bad_folder(tmp_path / "train")
    with pytest.raises(BundleRefused) as refused, open_folder(studio.workplace, source, Choices(), unplanned):
        pass
    head, *lines = refused.value.cause.splitlines()
    assert head == f"{source} cannot be imported, for 3 reasons:"
    expected = ("5_cat/1.png ", f"10_rex dog/1.mask.png {OTHER_SIZE}", "10_rex dog/2.png ")
    assert [line.startswith(f"  - {start}") for line, start in zip(lines, expected, strict=True)] == [True] * 3
    assert refused.value.remedy.endswith("Or import the rest with leave_out=True.")


def test_what_cannot_be_used_is_left_out_and_a_subject_is_found_without_its_mask(studio, tmp_path) -> None:
    source = bad_folder(tmp_path / "train")
    with open_folder(studio.workplace, source, Choices(leave_out=True), unplanned) as (concepts, _, plan):
        images = [image.source_name for each in concepts for image in each.images()]
    assert ([each.name for each in concepts], images) == (["rex"], ["1.png"])
    assert [each.name for each in plan.subjects] == ["rex"]
    told = {f"{each.folder}/{name}": each.why for each in plan.left_aside for name in each.files}
    assert told.keys() == {"5_cat/1.png", "10_rex dog/1.mask.png", "10_rex dog/2.png"}
    assert told["10_rex dog/1.mask.png"] == OTHER_SIZE
