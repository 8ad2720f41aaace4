"""`studio add-concept`: what is encoded, and where the subject is."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from lambda_studio.workflows.workplace import Workplace


def test_adding_the_same_files_again_encodes_nothing_and_loads_no_model(studio, photos, monkeypatch) -> None:
    studio("add-concept", "rex", *photos, "--noun", "dog")
    monkeypatch.setattr("lambda_studio.models.clip.clip.load_clip", _must_not_load)
    again = studio("add-concept", "rex", *photos, "--noun", "dog")
    assert again.code == 0
    assert "Already there: rex (dog) in library default, 2 images." in again.out
    assert "Nothing to encode: tiny has the embeddings of all images." in again.out


def test_an_edit_whose_images_are_all_encoded_opens_no_stack(studio, photos, monkeypatch) -> None:
    studio("add-concept", "rex", *photos, "--noun", "dog")
    with monkeypatch.context() as patched:
        patched.setattr(Workplace, "stack", property(_must_not_load))
        for words in (("--noun", "puppy"), ("--drop", 2)):
            edited = studio("concepts", "edit", "rex", *words)
            assert (edited.code, "Not encoded yet" in edited.out) == (0, False)
    more = json.loads(studio("concepts", "edit", "rex", "--add", photos[1], "--segment", "none", "--json").out)
    assert (more["encoded"], more["cached"]) == (1, 1)


def test_adding_looks_for_clip_alone(studio, photos, monkeypatch) -> None:
    monkeypatch.setattr("lambda_studio.models.stacks.files.get_family", _must_not_load)
    assert "Encoded 2 images with tiny." in studio("add-concept", "rex", *photos, "--noun", "dog").out


def test_encoding_imports_no_diffusers() -> None:
    """Encoding imports torch and open_clip. Importing diffusers and peft took two more seconds."""
    modules = (
        "lambda_studio.workflows.cache.subjects, lambda_studio.models.stacks.files, lambda_studio.models.clip.clip"
    )
    words = f"import sys, {modules}; sys.exit(' '.join({{'diffusers', 'peft', 'accelerate'}} & set(sys.modules)) or 0)"
    subprocess.run([sys.executable, "-c", words], check=True)


def _must_not_load(*args: object, **kwargs: object) -> None:
    raise AssertionError("a model was loaded")


def test_mask_files_say_where_the_subject_is(studio, photos, tmp_path: Path) -> None:
    for number in (1, 2):
        mask = Image.new("L", (64, 64))
        mask.paste(255, (0, 0, 32, 64))
        mask.save(tmp_path / f"mask{number}.png")
    masks = ["--mask", "mask1.png", "--mask", "mask2.png"]
    assert studio("add-concept", "rex", *photos, "--noun", "dog", *masks).code == 0
    assert studio("concepts", "show", "rex").out.count("50% of it") == 2


def test_texts_beside_the_images_are_their_captions(studio, photos, tmp_path: Path) -> None:
    (tmp_path / "photo1.txt").write_text("rex on a sofa\n")
    (tmp_path / "photo2.txt").write_bytes(b"\xff\xfe")
    answer = studio("add-concept", "rex", *photos, "--noun", "dog", "--segment", "none")
    assert f"Note: {tmp_path}/photo2.txt is not used as a caption: it is not UTF-8" in answer.out
    assert "1 caption stored. To learn from them: studio finetune rex --conditions both" in answer.out
    assert "  Caption of image 1 (photo1.png): rex on a sofa" in studio("concepts", "show", "rex").out
    (tmp_path / "photo1.txt").write_text("rex in the snow")
    assert studio("concepts", "edit", "rex", "--add", photos[0]).code == 0
    shown = json.loads(studio("concepts", "show", "rex", "--json").out)["images"]
    assert [image["caption"] for image in shown] == ["rex in the snow", None]


def test_a_copy_of_a_file_is_stored_once_and_numbers_are_those_that_were_given(studio, photos, tmp_path: Path) -> None:
    shutil.copy(photos[0], tmp_path / "copy.png")
    given = (photos[0], "copy.png", photos[1], "--noun", "dog", "--segment", "none", "--box", "3=25%,20%,50%,60%")
    answer = studio("add-concept", "rex", *given)
    assert f"Note: copy.png has the same bytes as {photos[0]}; one is kept" in answer.out
    shown = json.loads(studio("concepts", "show", "rex", "--json").out)["images"]
    assert [image["source_name"] for image in shown] == ["photo1.png", "photo2.png"]
    assert [image["mask_sha"] is None for image in shown] == [True, False]


def test_a_folder_stands_for_its_pictures_with_the_masks_beside_them(studio, photos, tmp_path: Path) -> None:
    folder = tmp_path / "rex"
    folder.mkdir()
    for number, photo in zip((10, 2), photos, strict=True):
        photo.rename(folder / f"{number}.png")
    mask = Image.new("L", (64, 64))
    mask.paste(255, (0, 0, 32, 64))
    mask.save(folder / "2-masklabel.png")
    (folder / "2.txt").write_text("a dog")
    answer = studio("add-concept", "rex", "rex", "--noun", "dog")
    assert answer.code == 0
    assert "1 caption stored." in answer.out
    shown = json.loads(studio("concepts", "show", "rex", "--json").out)
    assert [image["source_name"] for image in shown["images"]] == ["2.png", "10.png"]
    assert shown["images"][0]["mask"].startswith("50%")
    again = studio("concepts", "edit", "rex", "--add", "rex", "--noun", "puppy")
    assert again.code == 0
    assert len(json.loads(studio("concepts", "show", "rex", "--json").out)["images"]) == 2


@pytest.fixture
def place(tmp_path: Path, photos: list[Path]) -> Path:
    """A folder with photos and with files that are not."""
    from PIL import Image

    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    Image.new("L", (40, 40), 255).save(tmp_path / "small.png")
    (tmp_path / "empty.toml").write_text('clip = "local-dir:/nowhere"\nprior = "/nowhere"\ndecoder = "/nowhere"\n')
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    return tmp_path


def test_all_bad_images_are_named_together_and_nothing_is_stored(studio, place: Path) -> None:
    answer = studio("add-concept", "rex", "gone.png", "photo1.png", "broken.png", "--noun", "dog")
    assert answer.code == 5
    assert "2 of 3 pictures cannot be used:\n" in answer.err
    assert [line.split(" ")[2] for line in answer.err.splitlines()[1:3]] == ["gone.png", "broken.png"]
    assert studio("concepts", "show", "rex").code == 3


def test_a_name_that_is_taken_by_other_pictures_is_refused(studio, photos) -> None:
    studio("add-concept", "rex", photos[0], "--noun", "dog")
    answer = studio("add-concept", "Rex", photos[1], "--noun", "dog")
    assert answer.code == 4
    assert "A concept named 'rex' is already in library 'default', with other content." in answer.err


ABSENT = """
name = "absent"
clip = "hf-hub:nobody/clip"
prior = "nobody/prior"
decoder = "nobody/decoder"
"""


def test_adding_needs_no_models_and_says_when_the_images_are_encoded(
    studio, photos, tmp_path: Path, stack_file: Path, monkeypatch
) -> None:
    monkeypatch.setattr("huggingface_hub.hf_hub_download", _must_not_load)
    monkeypatch.setattr("lambda_studio.models.stacks.stack.Stack.__init__", _must_not_load)
    (tmp_path / "absent.toml").write_text(ABSENT)
    absent = ["--stack", "absent.toml"]
    answer = studio("add-concept", "rex", photos[0], "--noun", "dog", *absent)
    assert (answer.code, answer.err) == (0, f"Library default now uses the stack {tmp_path / 'absent.toml'}.\n")
    assert answer.out.splitlines()[-1] == (
        "Not encoded yet: the prior of the stack absent is not on this machine."
        " The first prompt or fine-tuning that names it does it."
    )
    edited = studio("concepts", "edit", "rex", "--add", photos[1], "--json", *absent)
    assert edited.code == 0
    said = json.loads(edited.out)
    assert (said["encoded"], said["not_encoded"]) == (0, "the prior of the stack absent is not on this machine")
    assert "Not encoded yet:" in studio("concepts", "edit", "rex", "--noun", "puppy", *absent).out
    monkeypatch.undo()
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "home"))
    assert studio("generate", "a <rex>", "--steps", 1, "--stack", stack_file, "--out", tmp_path / "o.png").code == 0


def test_models_that_are_damaged_do_not_keep_a_subject_out(
    studio, photos, tmp_path: Path, stack_file: Path, clip_folder: Path
) -> None:
    broken = Path(shutil.copytree(clip_folder, tmp_path / "clip"))
    (broken / "open_clip_config.json").write_text("{}")
    (tmp_path / "broken.toml").write_text(stack_file.read_text().replace(clip_folder.as_posix(), str(broken)))
    answer = studio("add-concept", "rex", photos[0], "--noun", "dog", "--stack", "broken.toml")
    assert answer.code == 0
    assert answer.out.splitlines()[-1].startswith("Not encoded yet: ")
    assert "does not describe a CLIP" in answer.out


def test_a_stack_that_is_not_known_is_refused_before_anything_is_stored(studio, photos) -> None:
    assert studio("add-concept", "rex", photos[0], "--noun", "dog", "--stack", "mini").code == 2
    assert studio("concepts", "show", "rex").code == 3


@pytest.mark.parametrize(
    ("given", "said", "remedy"),
    [
        (("duck/1.png", "duck/2.png"), "'duck/1.png' is a file", "duck duck/1.png … --noun bird"),
        (("duck",), "'duck' is a folder", "duck duck --noun bird"),
        (("duck/more", "duck"), "'duck/more' is a folder", "more duck/more … --noun bird"),
        (("photo1.png",), "'photo1.png' is a file", "bird photo1.png --noun bird"),
        (("gone.HEIC", "photo1.png"), "'gone.HEIC' is a picture's file name", "bird gone.HEIC … --noun bird"),
    ],
)
def test_a_forgotten_name_is_asked_for_and_no_photo_is_taken_for_it(
    studio, photos, tmp_path: Path, given: tuple[str, ...], said: str, remedy: str
) -> None:
    (tmp_path / "duck" / "more").mkdir(parents=True)
    for name in ("1.png", "2.png"):
        shutil.copy(photos[0], tmp_path / "duck" / name)
    answer = studio("add-concept", *given, "--noun", "bird")
    assert answer.code == 2
    assert f"The first word is the name, and {said}." in answer.err
    assert f"→ studio add-concept {remedy}\n" in answer.err
    assert "no concepts yet" in studio("concepts").out


def test_a_folder_may_have_its_subjects_name(studio, photos, tmp_path: Path) -> None:
    (tmp_path / "rex").mkdir()
    shutil.copy(photos[0], tmp_path / "rex" / "1.png")
    assert studio("add-concept", "rex", "rex", "--noun", "dog").code == 0


def test_a_name_without_images_asks_for_images(studio) -> None:
    answer = studio("add-concept", "rex", "--noun", "dog")
    assert answer.code == 2
    assert "Missing argument 'IMAGE...'" in answer.err


def test_a_noun_that_the_miniature_did_not_learn_is_said_at_adding(studio, photos) -> None:
    answer = studio("add-concept", "donald", photos[0], "--noun", "duck", "--stack", "miniature")
    assert answer.code == 0
    assert "Note: miniature did not learn “duck”." in answer.out
