"""A folder of pictures on its way in: all of it is looked at, and its bytes wait on the disk."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from concepts.records import manifest
from lambda_studio.errors import BundleRefused
from lambda_studio.workflows.bundles.from_folder import open_folder


def picture(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (40, 48, 3), dtype=np.uint8)).save(path)
    return path


def test_each_folder_is_a_concept_with_its_images_and_what_is_to_be_said_of_them(studio, tmp_path) -> None:
    for number in (1, 2):
        picture(tmp_path / "train" / "10_rex dog" / f"{number}.png", number)
    (tmp_path / "train" / "10_rex dog" / "notes.pdf").write_bytes(b"aside")
    picture(tmp_path / "train" / "5_cat" / "1.png", 3)
    with open_folder(studio.workplace, tmp_path / "train") as (concepts, size, signature):
        images = {each.name: list(each.images()) for each in concepts}
    assert [(each.name, each.noun) for each in concepts] == [("rex", "dog"), ("cat", "cat")]
    assert [each.manifest for each in concepts] == [manifest(each.noun, images[each.name]) for each in concepts]
    assert [image.source_name for image in images["rex"]] == ["1.png", "2.png"]
    assert any("notes.pdf" in note for note in concepts[0].notes)
    assert size == sum(len(image.data) + len(image.mask or b"") for each in images.values() for image in each)
    assert signature is None
    assert studio.concepts.list() == [], "nothing is stored yet"


def test_names_and_pictures_that_cannot_be_are_told_together(studio, tmp_path) -> None:
    for name in ("10_rex dog", "5_REX dog", "1_a<b"):
        picture(tmp_path / "train" / name / "1.png")
    (tmp_path / "train" / "10_rex dog" / "2.png").write_bytes(b"no picture")
    with pytest.raises(BundleRefused) as refused, open_folder(studio.workplace, tmp_path / "train"):
        pass
    assert "3 reasons" in refused.value.cause
    for said in ("2.png", "angle bracket", "'rex'"):
        assert said.lower() in refused.value.cause.lower()
