"""A concept's masks become files, are painted, and come back."""

import json
from pathlib import Path

from PIL import Image, ImageDraw


def test_a_mask_is_written_painted_and_given_back(studio, photos, tmp_path: Path) -> None:
    studio("add-concept", "rex", *photos, "--noun", "dog", "--segment", "none")
    told = studio("concepts", "masks", "rex", "out/masks")
    first, second = Path("out/masks/1-photo1.mask.png"), Path("out/masks/2-photo2.mask.png")
    back = f"Edit a mask, then give it back: studio concepts edit rex --mask 1={first}"
    assert (told.code, told.out.splitlines()) == (0, [str(first), str(second), back])
    written = sorted(path.name for path in (tmp_path / "out/masks").iterdir())
    assert written == ["1-photo1.mask.png", "1-photo1.png", "2-photo2.mask.png", "2-photo2.png"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["masks"]
    assert Image.open(tmp_path / first).getextrema() == (255, 255), "all of the picture is the subject"

    painted = Image.open(tmp_path / first)
    ImageDraw.Draw(painted).rectangle((0, 0, 31, 63), fill=0)
    painted.save(tmp_path / first)
    assert studio("concepts", "edit", "rex", "--mask", f"1={first}").code == 0
    shown = json.loads(studio("concepts", "show", "rex", "--json").out)
    assert [image["mask"] for image in shown["images"]] == ["50% of it", "none: all of it"]
    again = json.loads(studio("concepts", "masks", "rex", "again", "--json").out)
    assert (again["format"], again["masks"]) == (1, [first.name, second.name])
    assert Image.open(tmp_path / "again" / first.name).tobytes() == painted.tobytes()


def test_the_folder_is_a_subject_with_its_masks(studio, photos) -> None:
    studio("add-concept", "rex", *photos, "--noun", "dog", "--segment", "grabcut")
    studio("concepts", "masks", "rex", "files")
    assert studio("add-concept", "pip", "files", "--noun", "dog", "--segment", "none").code == 0
    rex, pip = (json.loads(studio("concepts", "show", name, "--json").out)["images"] for name in ("rex", "pip"))
    assert [(image["sha"], image["mask_sha"]) for image in rex] == [(image["sha"], image["mask_sha"]) for image in pip]


def test_a_folder_that_is_there_is_not_written_into(studio, photos, tmp_path: Path) -> None:
    studio("add-concept", "rex", *photos, "--noun", "dog", "--segment", "none")
    (tmp_path / "there").mkdir()
    answer = studio("concepts", "masks", "rex", "there")
    assert (answer.code, "there is already there." in answer.err) == (4, True)
    assert list((tmp_path / "there").iterdir()) == []


def test_a_concept_that_came_without_pictures_has_no_masks_to_write(studio, photos, tmp_path: Path) -> None:
    studio("add-concept", "rex", *photos, "--noun", "dog", "--segment", "none")
    studio("library", "export", "rex", "--out", "rex.zip", "--without-pictures")
    studio("library", "create", "other")
    studio("--library", "other", "library", "import", "rex.zip")
    answer = studio("--library", "other", "concepts", "masks", "rex", "files")
    assert (answer.code, "files of its masks" in answer.err) == (5, True)
    assert not (tmp_path / "files").exists()
