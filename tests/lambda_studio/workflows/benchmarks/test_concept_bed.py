"""Folders of pictures are read class by class, and compared by an oracle."""

import numpy as np
import pytest
import torch
from PIL import Image

from lambda_studio.errors import ImageRefused, InvalidSetting
from lambda_studio.workflows.benchmarks import concept_bed
from lambda_studio.workflows.benchmarks.concept_bed import Compared, classes_in, measure_folders, text_of


class Bright:
    """An oracle whose confidence is a picture's brightness."""

    name = "bright"

    def __init__(self) -> None:
        self.asked = []

    def unknown(self, labels):
        return [label for label in labels if label == "unicorn"]

    def confidences(self, asked):
        self.asked += [(each.label, each.text) for each in asked]
        return torch.tensor([np.asarray(each.image).mean() / 255 for each in asked])


@pytest.fixture
def oracle(monkeypatch):
    found = Bright()
    monkeypatch.setattr(concept_bed, "find_oracle", lambda named, device: found)
    return found


def grey(path, value: int) -> None:
    """Write a picture of this mean brightness, in two colours: one colour is refused."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((40, 40, 3), value - 8, np.uint8)
    pixels[:20] = value + 8
    Image.fromarray(pixels).save(path)


@pytest.fixture
def folders(tmp_path):
    for name, value in (("dog/a.png", 51), ("dog/b.png", 102), ("cat/a.jpg", 153)):
        grey(tmp_path / "drawn" / name, value)
    for name, value in (("dog/r.png", 204), ("cat/r.png", 102)):
        grey(tmp_path / "real" / name, value)
    return tmp_path / "drawn", tmp_path / "real"


def test_the_deviation_is_over_all_pictures_of_all_classes(studio, oracle, folders) -> None:
    found = measure_folders(studio.workplace, Compared(generated=folders[0], real=folders[1]))
    assert found.oracle == "bright"
    assert found.result.ccd == pytest.approx(0.6 - 0.4, abs=0.01)
    assert (found.result.pictures, found.result.real_pictures) == (3, 2)
    by_class = measure_folders(studio.workplace, Compared(generated=folders[0], real=folders[1], reference="class"))
    assert by_class.result.by_class == {"cat": pytest.approx(-0.2, abs=0.01), "dog": pytest.approx(0.5, abs=0.01)}


def test_the_text_beside_a_picture_is_asked(studio, oracle, folders) -> None:
    (folders[0] / "dog" / "a.txt").write_text("is it wet?\n")
    measure_folders(studio.workplace, Compared(generated=folders[0], real=folders[1]))
    assert ("dog", "is it wet?") in oracle.asked and ("dog", "") in oracle.asked
    (folders[0] / "dog" / "a.txt").write_bytes(b"\xff")
    with pytest.raises(InvalidSetting, match=r"a\.txt is no short text"):
        text_of(folders[0] / "dog" / "a.png")


def test_folders_of_another_layout_are_refused(tmp_path) -> None:
    with pytest.raises(InvalidSetting, match=r"There is no folder .*CLASS/picture\.png"):
        classes_in(tmp_path / "none")
    grey(tmp_path / "flat" / "a.png", 9)
    (tmp_path / "flat" / "empty").mkdir()
    with pytest.raises(InvalidSetting, match="has no classes with pictures"):
        classes_in(tmp_path / "flat")


def test_unknown_classes_are_refused_before_a_picture_is_read(studio, oracle, folders) -> None:
    grey(folders[1] / "unicorn" / "a.png", 9)
    with pytest.raises(InvalidSetting, match="does not know unicorn"):
        measure_folders(studio.workplace, Compared(generated=folders[0], real=folders[1]))
    assert oracle.asked == []


def test_a_file_that_is_no_picture_is_refused(studio, oracle, folders) -> None:
    (folders[0] / "dog" / "c.png").write_bytes(b"no picture")
    with pytest.raises(ImageRefused, match=r"c\.png"):
        measure_folders(studio.workplace, Compared(generated=folders[0], real=folders[1]))


def test_a_wrong_reference_is_refused(tmp_path) -> None:
    with pytest.raises(InvalidSetting, match="reference is 'both'"):
        Compared(generated=tmp_path, real=tmp_path, reference="both")
