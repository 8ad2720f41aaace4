"""What a user says of single images becomes the way in which each subject is found."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lambda_studio.errors import InvalidSetting, MaskRefused
from lambda_studio.pictures.files.opening import Photo
from lambda_studio.pictures.masks.marks import Box, Point, Segment
from lambda_studio.workflows.subjects.masks import marking
from lambda_studio.workflows.subjects.masks.marking import Marking

PICTURE = Photo(path=Path("a.png"), image=Image.linear_gradient("L").resize((80, 60)).convert("RGB"))


def test_a_way_and_a_file_are_used_for_their_image(studio, tmp_path) -> None:
    made = Marking(studio.workplace, "auto", "dog")
    assert made.finder(Segment("none"))(PICTURE).mask is None
    mask = Image.new("L", (80, 60))
    mask.paste(255, (0, 0, 40, 60))
    mask.save(tmp_path / "left.png")
    found = made.finder(tmp_path / "left.png")(PICTURE).mask
    assert found is not None and np.array_equal(np.asarray(found), np.asarray(mask))


class Sam:
    """Fills every box."""

    def outline(self, image: Image.Image, box) -> np.ndarray:
        found = np.zeros(image.size[::-1], bool)
        found[box[1] : box[3], box[0] : box[2]] = True
        return found


def test_with_grounded_sam_outlines_a_box(studio, monkeypatch) -> None:
    monkeypatch.setattr(marking, "grounded", lambda place: Sam())
    found = Marking(studio.workplace, "grounded", "dog").finder(Box(10, 10, 20, 30))(PICTURE).mask
    assert found is not None and found.getbbox() == (10, 10, 30, 40)
    monkeypatch.setattr(Sam, "outline", lambda *_: None)
    with pytest.raises(MaskRefused, match=r"SAM found nothing in the box for a\.png"):
        Marking(studio.workplace, "grounded", "dog").finder(Box(10, 10, 20, 30))(PICTURE)


def test_a_point_is_looked_up_in_the_picture(studio) -> None:
    with pytest.raises(MaskRefused, match=r"The point 80,0 is outside a\.png, which has 80 x 60 pixels"):
        Marking(studio.workplace, "auto", "dog").finder(Point(80, 0))(PICTURE)


def test_marks_by_number_come_before_masks_beside_the_files(studio) -> None:
    made, beside = Marking(studio.workplace, "auto", "dog"), [Path("one.png"), None, Path("three.png")]
    pairs = [(Path(f"{number}.jpg"), mask) for number, mask in enumerate(beside, start=1)]
    first, second, third = made.given({3: Segment("none")}, pairs)
    assert (first, second) == (Path("one.png"), None) and third(PICTURE).mask is None
    assert made.given([Path("m.png")], pairs) == [Path("m.png")]
    assert made.given((), pairs) == beside


def test_marks_by_file_name_are_those_of_the_file(studio) -> None:
    pairs = [(Path("cam/1.jpg"), None), (Path("cam/2.jpg"), Path("mask.png"))]
    made = Marking(studio.workplace, "auto", "dog").given({"2.jpg": Segment("none")}, pairs)
    assert made[0] is None and callable(made[1])
    with pytest.raises(InvalidSetting, match=r"This command has no image '3\.jpg'\. It has images 1 \(1\.jpg\), 2 \("):
        Marking(studio.workplace, "auto", "dog").given({"3.jpg": Segment("none")}, pairs)
