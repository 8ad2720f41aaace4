"""A plan with the user's choices: nouns, and what is left out."""

import io
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from lambda_studio.bundles.layouts.plan import Choices
from lambda_studio.errors import BundleRefused, InvalidSetting
from lambda_studio.workflows.bundles.planning import planned, refuse


def lay(root: Path, *names: str) -> Path:
    photo = io.BytesIO()
    Image.effect_noise((40, 40), 60).save(photo, "JPEG")
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(photo.getvalue())
    return root


@pytest.fixture
def plan(studio):
    """Makes the plan of a source."""

    def plan(source: Path, **choices):
        with planned(studio.workplace, source, Choices(**choices)) as (made, _):
            return made

    return plan


def test_a_given_noun_replaces_what_the_source_says_and_answers_what_it_asks(plan, tmp_path: Path) -> None:
    root = lay(tmp_path / "set", "20_ohwx_man/0.jpg", "10_Rex dog/0.jpg")
    asked = plan(root)
    with pytest.raises(BundleRefused) as refused:
        refuse(asked)
    assert "20_ohwx_man does not say its noun ('ohwx_man' is a trainer's token)." in refused.value.cause
    assert "Give the noun: nouns='ohwx_man=NOUN'." in refused.value.remedy
    answered = plan(root, nouns={"ohwx_man": "man", "REX": "puppy"})
    refuse(answered)
    assert {each.name: (each.noun, each.noun_from) for each in answered.subjects} == {
        "Rex": ("puppy", "given"),
        "ohwx_man": ("man", "given"),
    }


def test_a_noun_for_nobody_is_refused_with_the_names(plan, tmp_path: Path) -> None:
    root = lay(tmp_path / "set", "rex/0.jpg")
    with pytest.raises(InvalidSetting, match=r"no subject 'max' to give a noun\. There are: rex\."):
        plan(root, nouns={"max": "dog"})


def test_names_and_nouns_that_cannot_be_and_names_given_twice_are_told_together(plan, tmp_path: Path) -> None:
    root = lay(tmp_path / "set", "10_rex dog/0.jpg", "train/5_REX dog/0.jpg", "1_a<b mug/0.jpg", "3_jar/0.jxl")
    with pytest.raises(BundleRefused) as refused:
        refuse(plan(root, nouns={"rex": "x" * 90}))
    cause = refused.value.cause
    assert "for 5 reasons" in cause
    assert "3_jar/0.jxl is a JXL picture" in cause
    assert "10_rex dog cannot be a concept: The noun" in cause and "has 90 characters" in cause
    assert "angle bracket" in cause and "train/5_REX dog gives the name 'REX' again" in cause
    assert "leave_out=True" in refused.value.remedy


def test_what_cannot_be_used_is_left_out_and_named(plan, tmp_path: Path) -> None:
    names = ["10_rex dog/0.jpg", "10_rex dog/1.svg", "20_ohwx_man/0.jpg", "3_mug/0.svg", "3_mug/1.svg"]
    made = plan(lay(tmp_path / "set", *names), leave_out=True)
    assert [each.name for each in made.subjects] == ["rex"]
    assert made.faults == ()
    told = {(each.folder, each.files): each.why for each in made.left_aside}
    assert told == {
        ("10_rex dog", ("1.svg",)): "is a SVG picture, which cannot be opened here",
        ("3_mug", ("0.svg", "1.svg")): "is a SVG picture, which cannot be opened here",
        (".", ("20_ohwx_man",)): "does not say its noun ('ohwx_man' is a trainer's token)",
    }


def test_nothing_to_import_is_refused(plan, tmp_path: Path) -> None:
    with pytest.raises(
        BundleRefused, match=r"has no pictures of a subject, but notes\.txt \(captions and other texts\)\."
    ):
        plan(lay(tmp_path / "none", "notes.txt"))
    with pytest.raises(BundleRefused, match=r"0\.svg is a SVG picture.*Nothing is left to import"):
        plan(lay(tmp_path / "bad", "mug/0.svg"), leave_out=True)


def test_a_zip_is_read_as_the_folder_that_it_holds(plan, studio, tmp_path: Path) -> None:
    photo = lay(tmp_path, "0.jpg") / "0.jpg"
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for name in ("rex/0.jpg", "rex/0.mask.png", "../1.jpg"):
            archive.write(photo, name)
    made = plan(tmp_path / "set.zip")
    assert (made.source, [each.name for each in made.subjects]) == (str(tmp_path / "set.zip"), ["rex"])
    assert list(map(str, made.faults)) == ["../1.jpg has a path that leads out of the ZIP file"]
    assert [each.name for each in studio.home.iterdir() if each.name.startswith(".unpacked")] == []


def test_a_long_list_of_faults_is_cut(plan, tmp_path: Path) -> None:
    with pytest.raises(BundleRefused) as refused:
        refuse(plan(lay(tmp_path / "set", *(f"rex/{number}.svg" for number in range(40)))))
    assert refused.value.cause.endswith("and 10 more")


def test_a_cameras_folder_is_refused_until_its_noun_is_given(studio, tmp_path):
    source = lay(tmp_path / "cam", "DCIM/100_PANA/1.jpg", "DCIM/101APPLE/2.jpg")
    with planned(studio.workplace, source, Choices()) as (plan, _):
        assert [str(fault) for fault in plan.faults] == [
            "DCIM/100_PANA is a camera's folder, not a subject",
            "DCIM/101APPLE is a camera's folder, not a subject",
        ]
        remedy = "Make a folder for each subject, or give the noun: nouns='100_PANA=NOUN'."
        assert plan.faults[0].remedy == remedy
        assert plan.layout == "a folder for each subject"
    nouns = {"100_PANA": "dog", "101APPLE": "cat"}
    with planned(studio.workplace, source, Choices(nouns=nouns)) as (plan, _):
        assert plan.faults == () and [each.noun for each in plan.subjects] == ["dog", "cat"]
