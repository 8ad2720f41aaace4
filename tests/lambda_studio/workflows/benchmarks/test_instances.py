"""The subjects of Multibench in a folder."""

import json
from pathlib import Path

import pytest

from lambda_studio.errors import InvalidSetting
from lambda_studio.workflows.benchmarks.instances import instances_in
from tests.dreambench import write_dreambench, write_noise


@pytest.fixture
def subjects(tmp_path: Path) -> Path:
    """A dog, two cats, a vase; further folders that say their noun themselves or in the index."""
    folder = write_dreambench(tmp_path / "subjects")
    for name in ("guinea_pig", "rc_car", "duck_toy", "spoon", "unknown"):
        write_noise(folder / name / "00.png", 1)
    (folder / "multibench.json").write_text(json.dumps({"rc_car": "toy", "duck_toy": "Toy ", "spoon": "spoon"}))
    return folder


def test_nouns_come_from_the_index_from_dreambench_and_from_names(subjects) -> None:
    found = instances_in(subjects)
    there = {category: names for category, names in found.by_category.items() if names}
    assert there == {
        "dog": ("dog",), "cat": ("cat2",), "vase": ("vase",), "guinea pig": ("guinea_pig",), "toy": ("duck_toy",),
    }  # fmt: skip
    assert found.notes == (
        "Not used, because the published set has no more of their kind: rc_car (toy).",
        "Not used, because no composition has their noun: spoon (spoon).",
    )
    assert found.one("dog").name == "02.png" and found.one("guinea_pig").name == "00.png"


def test_named_subjects_are_all_used(subjects) -> None:
    found = instances_in(subjects, ["rc_car", "duck_toy", "dog"])
    assert found.by_category["toy"] == ("duck_toy", "rc_car") and found.by_category["cat"] == ()
    assert found.notes == ()
    with pytest.raises(InvalidSetting, match="no photographs of rex with a noun"):
        instances_in(subjects, ["rex"])


@pytest.mark.parametrize(
    ("index", "why"),
    [
        ("[]", "is no table of folders and nouns"),
        ('{"dog": 3}', "is no table of folders and nouns"),
        ('{"../dog": "dog"}', "is no table of folders and nouns"),
        ("{", "is no JSON"),
        ('{"horse": "horse"}', "names horse, without a folder of photographs"),
    ],
)
def test_a_wrong_index_is_refused(subjects, index, why) -> None:
    (subjects / "multibench.json").write_text(index)
    with pytest.raises(InvalidSetting, match=why):
        instances_in(subjects)


def test_a_folder_that_is_not_there_is_refused(tmp_path) -> None:
    with pytest.raises(InvalidSetting, match="cannot be read"):
        instances_in(tmp_path / "nothing")
