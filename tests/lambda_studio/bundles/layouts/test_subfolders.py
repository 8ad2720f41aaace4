"""A folder for each subject: plain, nested, in wrappers, or DreamBench's."""

from pathlib import Path

from tests.lambda_studio.bundles.layouts.laid import aside, faults, lay, planned, subjects

CLASSES = "Classes\n\nsubject_name,class\nbear_plushie,stuffed animal\ncat2,cat\ngone,toy\nsks,sks\n\nPrompts\n"


def test_a_plain_folder_gives_its_name_as_noun_and_says_so(tmp_path: Path) -> None:
    plan = planned(lay(tmp_path, "toy_robot3/1.PNG", "toy_robot3/1.txt", "toy_robot3/.hidden.jpg"))
    assert subjects(plan) == {"toy_robot3": ("toy robot", ["toy_robot3/1.PNG"])}
    assert plan.subjects[0].noun_from == "a guess from its folder's name"
    assert plan.subjects[0].pictures[0].caption == "toy_robot3/1.txt"
    assert aside(plan) == {"toy_robot3/.hidden.jpg": "hidden"}


def test_nested_folders_are_one_subject_and_said(tmp_path: Path) -> None:
    plan = planned(lay(tmp_path, "rex/indoor/0.jpg", "rex/outdoor/0.jpg", "minka/0.jpg", "minka/old/1.jpg"))
    assert subjects(plan) == {
        "minka": ("minka", ["minka/0.jpg", "minka/old/1.jpg"]),
        "rex": ("rex", ["rex/indoor/0.jpg", "rex/outdoor/0.jpg"]),
    }
    assert [each.notes for each in plan.subjects] == [
        ("with the pictures of its folders old",),
        ("with the pictures of its folders indoor, outdoor",),
    ]


def test_folders_around_the_subjects_are_no_subjects(tmp_path: Path) -> None:
    one = lay(tmp_path / "one", "set/rex/0.jpg", "set/minka/0.jpg", "README.md")
    assert list(subjects(planned(one))) == ["minka", "rex"]
    several = lay(tmp_path / "several", "train/rex/0.jpg", "test/minka/0.jpg")
    assert sorted(subjects(planned(several))) == ["minka", "rex"]


def test_a_folder_of_pictures_alone_is_one_subject_of_its_name(tmp_path: Path) -> None:
    plan = planned(lay(tmp_path / "red hat", "2.jpg", "10.jpg", "notes/a.txt"))
    assert subjects(plan) == {"red hat": ("red hat", ["2.jpg", "10.jpg"])}
    assert aside(plan) == {"notes/a.txt": "captions and other texts"}


def test_pictures_beside_the_subjects_folders_are_named(tmp_path: Path) -> None:
    plan = planned(lay(tmp_path, "rex/0.jpg", "overview.jpg"))
    assert aside(plan) == {"overview.jpg": "pictures that belong to no subject"}


def test_dreambench_says_its_nouns_which_folders_are_missing_and_what_is_no_noun(tmp_path: Path) -> None:
    lay(tmp_path / "dataset", "cat2/01.jpg", "cat2/00.jpg", "bear_plushie/00.jpg", "sks/00.jpg", "mug/00.jpg")
    (tmp_path / "dataset" / "prompts_and_classes.txt").write_text(CLASSES)
    plan = planned(tmp_path / "dataset")
    assert plan.layout == "DreamBench"
    assert subjects(plan) == {
        "bear_plushie": ("stuffed animal", ["bear_plushie/00.jpg"]),
        "cat2": ("cat", ["cat2/00.jpg", "cat2/01.jpg"]),
        "sks": (None, ["sks/00.jpg"]),
        "mug": ("mug", ["mug/00.jpg"]),
    }
    sources = {each.name: each.noun_from for each in plan.subjects}
    assert sources["cat2"] == "prompts_and_classes.txt"
    assert sources["sks"] == "prompts_and_classes.txt says 'sks', which is a trainer's token"
    assert sources["mug"] == "a guess from its folder's name"
    assert aside(plan) == {"prompts_and_classes.txt": "the subjects' nouns; no folder is there for gone"}


def test_a_damaged_file_of_nouns_is_a_fault(tmp_path: Path) -> None:
    (lay(tmp_path, "cat2/00.jpg") / "prompts_and_classes.txt").write_text("no table")
    assert faults(planned(tmp_path)) == ["prompts_and_classes.txt cannot be read: it has no line subject_name,class"]
