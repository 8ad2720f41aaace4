"""Concepts go out as bundles and come in again."""

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from tests.cli.conftest import well


@pytest.fixture
def filled(studio, photos, prepare):
    """A library with a dog of two pictures and a hat of one."""

    def fill() -> None:
        well(studio("add-concept", "rex", *photos, "--noun", "dog"))
        well(studio("add-concept", "hat", photos[0], "--noun", "hat", "--segment", "none"))

    prepare("rex and hat", fill)
    return studio


def test_a_bundle_that_was_imported_is_exported_again_byte_for_byte(filled, tmp_path: Path) -> None:
    said = filled("library", "export", "--out", "all.zip")
    assert said.out.startswith("Exported 2 concepts: hat, rex.\nall.zip (")
    filled("library", "create", "other")
    imported = filled("library", "import", "all.zip", "--library", "other")
    assert (imported.code, imported.err) == (0, "")
    note, headers, *rows, later = imported.out.splitlines()
    assert note.startswith("Note: rex: image 1 (photo1.png) is also image 1 of hat.")
    assert (headers, rows) == ("NAME  NOUN  IN LIBRARY other", ["hat   hat   added", "rex   dog   added"])
    assert later.startswith("Imports encode no pictures: ")
    assert filled("library", "export", "--out", "again.zip", "--library", "other").code == 0
    assert (tmp_path / "again.zip").read_bytes() == (tmp_path / "all.zip").read_bytes()
    assert filled("library", "import", "all.zip", "--library", "other").out.count("there already") == 2


def test_a_bundle_goes_to_another_home_with_its_masks_and_can_be_drawn(filled, tmp_path: Path) -> None:
    filled("library", "export", "rex", "--out", "rex.zip", "--json")
    home = ["--home", tmp_path / "elsewhere"]
    assert filled("library", "import", "rex.zip", *home).code == 0
    here, there = (json.loads(filled("concepts", "show", "rex", "--json", *args).out) for args in ([], home))
    assert there["images"] == here["images"]
    assert there["concept"]["manifest"] == here["concept"]["manifest"]
    assert filled("generate", "a <rex>", "--steps", 1, *home).code == 0
    assert filled("library", "export", "--out", "again.zip", *home).code == 0
    assert (tmp_path / "again.zip").read_bytes() == (tmp_path / "rex.zip").read_bytes()


def test_a_bundle_holds_a_manifest_and_objects_of_no_time_and_no_machine(filled, tmp_path: Path) -> None:
    filled("library", "export", "--out", "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        entries = archive.infolist()
    names = [entry.filename for entry in entries]
    assert names == ["manifest.json", *sorted(names[1:])]
    assert all(name.startswith("objects/") and len(name) == 72 for name in names[1:])
    assert {(entry.date_time, entry.compress_type) for entry in entries} == {((1980, 1, 1, 0, 0, 0), 0)}


def test_without_pictures_a_concept_is_small_and_prompts_draw_the_same(filled, tmp_path: Path, monkeypatch) -> None:
    from PIL import Image

    assert filled("library", "export", "rex", "--out", "rex.zip", "--without-pictures").code == 0
    assert (tmp_path / "rex.zip").stat().st_size < 2500
    home = ["--home", tmp_path / "elsewhere"]
    assert filled("library", "import", "rex.zip", *home).code == 0
    drawn = [filled("generate", "a <rex>", "--seed", 3, "--steps", 2, *args).out.strip() for args in ([], home)]
    first, second = (Image.open(path).tobytes() for path in drawn)
    assert first == second
    shown = filled("concepts", "show", "rex", *home).out
    assert "no images, which were left out of the bundle that it came from:\n" in shown
    assert "2 pictures of rex, left out" in shown
    assert "tiny: 1 of 1" in shown and "1 x 1" not in shown
    assert shown.endswith("none; it came without pictures, which fine-tuning needs\n")
    (image,) = json.loads(filled("concepts", "show", "rex", "--json", *home).out)["images"]
    assert (image["left_out"], image["width"]) == (True, 1)
    assert filled("library", "export", "--out", "again.zip", *home).code == 0
    assert (tmp_path / "again.zip").read_bytes() == (tmp_path / "rex.zip").read_bytes()
    photo = tmp_path / "another.png"
    Image.effect_noise((300, 300), 90).convert("RGB").save(photo)
    assert filled("concepts", "edit", "rex", "--add", photo, "--segment", "none", *home).code == 0
    shown = filled("concepts", "show", "rex", *home).out
    assert "\n1 image, besides some that were left out of the bundle that it came from:\n" in shown
    drop = "concepts edit rex --drop 1"
    assert shown.endswith(f"{drop}\n")
    assert filled("finetune", "rex", "--plan", *home).err.endswith(f"{drop}\n")
    assert filled(*drop.split(), *home).code == 0
    assert filled("finetune", "rex", "--plan", *home).code == 0


def test_what_needs_pictures_says_so(filled, tmp_path: Path) -> None:
    filled("library", "export", "rex", "--out", "rex.zip", "--without-pictures")
    home = ["--home", tmp_path / "elsewhere"]
    filled("library", "import", "rex.zip", *home)
    tuned = filled("finetune", "rex", "--steps", 1, *home)
    assert tuned.code == 5
    assert "rex: imported without pictures, or a blend. Pictures are needed for fine-tuning." in tuned.err
    sheet = filled("concepts", "show", "rex", "--sheet", "sheet.png", *home)
    assert (sheet.code, "Pictures are needed for a sheet of its masks" in sheet.err) == (5, True)


def test_another_clip_cannot_use_an_embedding_and_says_which_stack_could(
    filled, tmp_path: Path, stack_file: Path, clip_folder: Path
) -> None:
    from safetensors.torch import load_file, save_file

    filled("library", "export", "rex", "--out", "rex.zip", "--without-pictures")
    weights = Path(shutil.copytree(clip_folder, tmp_path / "clip")) / "open_clip_model.safetensors"
    save_file({**(state := load_file(weights)), "visual.proj": 2 * state["visual.proj"]}, weights)
    other = tmp_path / "other.toml"
    other.write_text(stack_file.read_text().replace(clip_folder.as_posix(), str(tmp_path / "clip")))
    home = ["--home", tmp_path / "elsewhere", "--stack", other]
    filled("library", "import", "rex.zip", *home)
    drawn = filled("generate", "a <rex>", *home)
    assert drawn.code == 5
    assert "2 pictures of rex, left out: there is no embedding for this stack's CLIP" in drawn.err


@pytest.mark.parametrize(("on_conflict", "code"), [("fail", 4), ("rename", 0), ("skip", 0)])
def test_a_name_that_is_taken(filled, tmp_path: Path, photos, on_conflict: str, code: int) -> None:
    filled("library", "export", "--out", "all.zip")
    home = ["--home", tmp_path / "elsewhere"]
    filled("add-concept", "REX", photos[1], "--noun", "cat", *home)
    filled("add-concept", "rex-2", photos[0], "--noun", "cat", *home)
    answer = filled("library", "import", "all.zip", "--on-conflict", on_conflict, *home)
    assert answer.code == code
    names = {each["name"]: each["noun"] for each in json.loads(filled("concepts", "--json", *home).out)}
    kept = {"REX": "cat", "rex-2": "cat"}
    if on_conflict == "fail":
        assert "In library 'default' these names have different content: 'rex'." in answer.err
        assert names == kept
    elif on_conflict == "skip":
        assert names == {**kept, "hat": "hat"}
        assert "rex   dog   skipped" in answer.out
    else:
        assert names == {**kept, "hat": "hat", "rex-3": "dog"}
        assert "added" in answer.out
        assert "renamed (named rex in the source)" in answer.out


def test_a_bundle_is_never_written_over_a_file(filled, tmp_path: Path) -> None:
    (tmp_path / "all.zip").write_text("mine")
    answer = filled("library", "export", "--out", "all.zip")
    assert answer.code == 4
    assert "all.zip is already there." in answer.err
    assert (tmp_path / "all.zip").read_text() == "mine"


def test_an_export_that_fails_leaves_nothing(filled, tmp_path: Path, monkeypatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device", "the disk")

    monkeypatch.setattr("os.fsync", full)
    assert filled("library", "export", "--out", "there/all.zip").code == 7
    assert list((tmp_path / "there").iterdir()) == []


def test_an_export_sweeps_up_what_a_killed_one_left(filled, tmp_path: Path) -> None:
    from concepts.durable import LOCK

    left = tmp_path / "there" / f".all.zip.{'0a' * 16}"
    left.parent.mkdir()
    left.write_text("half")
    left.with_name(left.name + LOCK).touch()  # which nobody holds
    assert filled("library", "export", "--out", "there/all.zip").code == 0
    assert [path.name for path in left.parent.iterdir()] == ["all.zip"]


def test_too_little_room_is_told_before_anything_is_written(filled, tmp_path: Path, monkeypatch) -> None:
    filled("library", "export", "--out", "all.zip")
    monkeypatch.setattr("shutil.disk_usage", lambda path: shutil._ntuple_diskusage(10, 10, 0))
    exported = filled("library", "export", "--out", "more.zip")
    assert (exported.code, "MiB free" in exported.err) == (7, True)
    filled("library", "create", "other")
    imported = filled("library", "import", "all.zip", "--library", "other")
    assert imported.code == 7
    assert "Importing all.zip needs" in imported.err
    assert json.loads(filled("concepts", "--library", "other", "--json").out) == []


def test_one_bad_byte_and_nothing_is_stored(filled, tmp_path: Path) -> None:
    filled("library", "export", "--out", "all.zip")
    content = bytearray((tmp_path / "all.zip").read_bytes())
    content[3000] ^= 1
    (tmp_path / "bad.zip").write_bytes(content)
    home = ["--home", tmp_path / "elsewhere"]
    answer = filled("library", "import", "bad.zip", *home)
    assert answer.code == 5
    assert "bad.zip cannot be imported" in answer.err
    assert json.loads(filled("concepts", "--json", *home).out) == []
