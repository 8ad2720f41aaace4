"""An import names every file that its structure shows to be broken in the first round, before it decodes one."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lambda_studio.errors import BundleRefused
from lambda_studio.pictures.door import PictureDoor
from lambda_studio.workflows.bundles.checking import why


def picture(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (200, 200, 3), dtype=np.uint8)).save(path)
    return path


def cut(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with a whole picture, two that are cut off, and a mask that is cut off."""
    root = tmp_path / "set"
    picture(root / "rex" / "0.png")
    cut(picture(root / "rex" / "1.jpg", 1))
    cut(picture(root / "max" / "0.png", 2))
    picture(root / "rex" / "2.png", 3)
    cut(picture(root / "rex" / "2.mask.png", 4))
    return root


CUT_OFF = "cannot be read: it is cut off: its last part is missing"


def test_a_dry_run_names_files_that_are_cut_off_and_an_import_too_before_it_opens_one(studio, source, monkeypatch):
    plan = studio.libraries.plan(source)
    told = {fault.where: fault.why for fault in plan.faults}
    assert told.keys() == {"max/0.png", "rex/1.jpg", "rex/2.mask.png"}
    assert told["rex/1.jpg"] == CUT_OFF and told["rex/2.mask.png"].startswith("(a mask) cannot be read: ")
    pictures = [(each.file, each.mask) for subject in plan.subjects for each in subject.pictures]
    assert pictures == [("rex/0.png", None), ("rex/2.png", None)]
    monkeypatch.setattr(PictureDoor, "photo", None)
    with pytest.raises(BundleRefused, match="for 3 reasons") as refused:
        studio.libraries.import_(source)
    assert all(f"{where} {why}" in refused.value.cause for where, why in told.items())


def test_they_are_left_out_where_the_user_agrees(studio, source) -> None:
    imported = studio.libraries.import_(source, leave_out=True)
    assert [each.name for each in imported.concepts] == ["rex"]
    aside = {f"{each.folder}/{name}" for each in imported.plan.left_aside for name in each.files}
    assert aside == {"max/0.png", "rex/1.jpg", "rex/2.mask.png"}


def test_pictures_of_a_taken_name_are_looked_at_unless_it_is_skipped(studio, source, add) -> None:
    add("max", source / "rex" / "0.png")
    of_rex = {"rex/1.jpg", "rex/2.mask.png"}

    def faults(on_conflict: str) -> set[str]:
        return {fault.where for fault in studio.libraries.plan(source, on_conflict=on_conflict).faults}

    assert faults("fail") == faults("rename") == {*of_rex, "max/0.png"} and faults("skip") == of_rex
    with pytest.raises(BundleRefused, match="for 3 reasons"):
        studio.libraries.import_(source, on_conflict="rename")


def test_a_plan_names_what_only_opening_shows(studio, tmp_path: Path) -> None:
    root = tmp_path / "set"
    for seed in range(3):
        picture(root / "rex" / f"{seed}.png", seed)
    Image.new("RGB", (200, 200), "red").save(root / "rex" / "red.png")
    Image.new("L", (90, 90), 255).save(root / "rex" / "1.mask.png")
    Image.new("L", (200, 200), 0).save(root / "rex" / "2.mask.png")
    plan = studio.libraries.plan(root)
    assert {fault.where: fault.why for fault in plan.faults} == {
        "rex/red.png": "has only one colour",
        "rex/1.mask.png": "(a mask) has 90 x 90 pixels and its picture 200 x 200",
        "rex/2.mask.png": "(a mask) is empty (its brightest value is 0 of 255)",
    }
    with pytest.raises(BundleRefused, match="for 3 reasons") as refused:
        studio.libraries.import_(root)
    assert all(str(fault) in refused.value.cause for fault in plan.faults)
    left = studio.libraries.plan(root, leave_out=True)
    assert [(each.file, each.mask) for each in left.subjects[0].pictures] == [
        (f"rex/{number}.png", None) for number in range(3)
    ]


def test_a_folder_in_which_nothing_is_left_is_refused_with_the_reasons(studio, tmp_path) -> None:
    cut(picture(tmp_path / "set" / "max" / "0.png"))
    with pytest.raises(BundleRefused, match=r"max/0\.png cannot be read"):
        studio.libraries.import_(tmp_path / "set")
    with pytest.raises(BundleRefused, match=r"max/0\.png cannot be read.*Nothing is left to import"):
        studio.libraries.import_(tmp_path / "set", leave_out=True)


def test_a_cause_is_told_without_the_path_that_it_begins_with() -> None:
    path = Path("/set/a.png")
    assert why(path, f"{path} is empty") == "is empty"
    assert why(path, f"The mask {path} is empty") == "(a mask) is empty"
