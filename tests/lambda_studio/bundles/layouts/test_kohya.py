"""kohya's folders, also as a project, with regularisation pictures and names that are no nouns."""

from pathlib import Path

import pytest

from lambda_studio.bundles.layouts.kohya import REGULARISATION, is_regularisation
from tests.lambda_studio.bundles.layouts.laid import aside, faults, lay, planned, subjects


def test_folders_say_repeats_name_and_noun(tmp_path: Path) -> None:
    plan = planned(lay(tmp_path, "10_cat/1.jpg", "4_sks corgi dog/1.jpg"))
    assert plan.layout == "kohya's folders"
    assert subjects(plan) == {"sks": ("corgi dog", ["4_sks corgi dog/1.jpg"]), "cat": ("cat", ["10_cat/1.jpg"])}
    assert plan.subjects[0].noun_from == "kohya's folder '4_sks corgi dog'"


def test_a_project_is_read_at_its_img_and_two_folders_of_one_token_are_one_subject(tmp_path: Path) -> None:
    names = [
        "img/10_sks dog/0.jpg",
        "img/10_sks dog/0.txt",
        "img/30_sks dog/hq.jpg",
        "log/1.log",
        "model/a.safetensors",
    ]
    plan = planned(lay(tmp_path, *names, "reg/1_dog/0.jpg"))
    assert subjects(plan) == {"sks": ("dog", ["img/10_sks dog/0.jpg", "img/30_sks dog/hq.jpg"])}
    assert [each.caption for each in plan.subjects[0].pictures] == ["img/10_sks dog/0.txt", None]
    assert plan.subjects[0].captions == 1
    assert plan.subjects[0].notes == ("one subject of the folders 10_sks dog, 30_sks dog",)
    assert aside(plan) == {
        "log/1.log": "not pictures",
        "model/a.safetensors": "not pictures",
        "reg/1_dog/0.jpg": REGULARISATION,
    }


def test_a_project_beside_other_folders_is_read_at_its_img_too(tmp_path: Path) -> None:
    plan = planned(lay(tmp_path, "project/img/10_sks dog/0.jpg", "minka/0.jpg"))
    assert subjects(plan) == {
        "minka": ("minka", ["minka/0.jpg"]),
        "sks": ("dog", ["project/img/10_sks dog/0.jpg"]),
    }


def test_pictures_of_a_class_beside_its_subject_are_left_aside(tmp_path: Path) -> None:
    plan = planned(lay(tmp_path, "10_rex dog/0.jpg", "1_dog/0.jpg", "10_dog_reg/0.jpg", "3_tree/0.jpg"))
    assert subjects(plan) == {"tree": ("tree", ["3_tree/0.jpg"]), "rex": ("dog", ["10_rex dog/0.jpg"])}
    assert aside(plan) == {"1_dog/0.jpg": REGULARISATION, "10_dog_reg/0.jpg": REGULARISATION}


@pytest.mark.parametrize(
    ("folder", "name", "noun", "source"),
    [
        ("20_ohwx_man", "ohwx_man", None, "'ohwx_man' is a trainer's token"),
        ("10_sks", "sks", None, "'sks' is a trainer's token"),
        ("10_old_mug", "old_mug", None, "'old_mug' is one word for name and noun"),
        ("10_rex dog in snow", "rex", None, "'dog in snow' is a sentence"),
        ("40_black mamba", "black", "mamba", "kohya's folder '40_black mamba'"),
        ("5 sks cat", "sks", "cat", "kohya's folder '5 sks cat'"),
    ],
)
def test_nouns_are_read_or_asked_for(tmp_path: Path, folder: str, name: str, noun: str | None, source: str) -> None:
    plan = planned(lay(tmp_path, f"{folder}/0.jpg", "7_mug/0.jpg"))
    (subject,) = [each for each in plan.subjects if each.name != "mug"]
    assert (subject.name, subject.noun, subject.noun_from) == (name, noun, source)


def test_two_folders_of_one_token_and_two_nouns_are_asked_about(tmp_path: Path) -> None:
    plan = planned(lay(tmp_path, "10_sks dog/0.jpg", "5_sks cat/0.jpg"))
    assert [(each.noun, each.noun_from) for each in plan.subjects] == [(None, "its folders say 'cat', 'dog'")]


def test_a_folder_without_a_name_is_a_fault(tmp_path: Path) -> None:
    plan = planned(lay(tmp_path, "8_/0.jpg", "7_mug/0.jpg"))
    assert faults(plan) == ["8_ has no name after its repeats"]
    assert aside(plan) == {"8_/0.jpg": "a folder without a name"}


def test_what_is_called_regularisation() -> None:
    names = "reg Reg reg_images regularization regularisation_data class_images class data regular classic"
    assert [name for name in names.split() if is_regularisation(name)] == names.split()[:6]
