"""Pictures come in from the folders, lists and ZIP files that people have, and every file is accounted for."""

import json
import shlex
import shutil
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from lambda_studio.pictures.door import PictureDoor

INPUTS = Path(__file__).parents[3] / ".." / "shared" / "inputs"


@pytest.fixture
def lay(tmp_path: Path, photos):
    """Lays photos of these names into a folder; names that are not of pictures become empty files."""

    def lay(folder: str, *names: str) -> Path:
        for number, name in enumerate(names):
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(photos[number % 2], path) if path.suffix == ".png" else path.touch()
        return tmp_path / folder

    return lay


def test_a_dreambench_folder_becomes_concepts_with_its_nouns(studio, lay) -> None:
    bench = lay("bench", "duck_toy/00.png", "duck_toy/01.png", "cat2/00.png")
    classes = "Classes\n\nsubject_name,class\ncat2,cat\nduck_toy,stuffed animal\n\nPrompts\n\na, b\n"
    (bench / "prompts_and_classes.txt").write_text(classes)
    answer = studio("library", "import", "bench", "--json")
    assert answer.code == 0
    said = json.loads(answer.out)
    assert [(each["name"], each["noun"], each["state"]) for each in said["concepts"]] == [
        ("cat2", "cat", "added"),
        ("duck_toy", "stuffed animal", "added"),
    ]
    assert said["plan"]["layout"] == "DreamBench"
    assert said["plan"]["subjects"][1]["pictures"] == [
        {"file": "duck_toy/00.png", "mask": None, "caption": None},
        {"file": "duck_toy/01.png", "mask": None, "caption": None},
    ]
    assert studio("generate", "a <cat2> beside a <duck_toy>", "--steps", 1).code == 0


def test_an_import_tells_its_plan_what_is_left_aside_and_what_became_of_it(studio, lay) -> None:
    lay("train", "img/10_rex dog/0.png", "img/5_rex dog/0.png", "reg/1_dog/0.png")
    for name in ("0.txt", "notes.txt"):
        Path("train", "img", "10_rex dog", name).write_text("rex dog on a sofa")
    answer = studio("library", "import", "train")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.splitlines()[:6] == [
        "Read as kohya's folders: 1 subject.",
        "NAME  NOUN  PICTURES  MASKS  CAPTIONS  STATE  FROM           NOUN FROM",
        "rex   dog   2                1         new    img/5_rex dog  kohya's folder '5_rex dog'",
        "Note: rex: one subject of the folders 5_rex dog, 10_rex dog",
        "Left aside: img/10_rex dog/notes.txt: captions and other texts",
        "Left aside: reg/1_dog/0.png: regularisation pictures, which are of no subject",
    ]
    later = "Imports encode no pictures: the first prompt or fine-tuning that names a concept does it."
    masks = "2 of 2 masks look right; look at them all: studio concepts list --sheet masks.png"
    assert answer.out.splitlines()[-4:] == ["NAME  NOUN  IN LIBRARY default", "rex   dog   added", masks, later]
    shown = json.loads(studio("concepts", "show", "rex", "--json").out)["images"]
    assert sorted(str(image["caption"]) for image in shown) == ["None", "rex dog on a sofa"]
    assert later not in studio("library", "import", "train").out, "nothing came in"


def test_a_dry_run_stores_nothing_and_says_what_an_import_would_refuse(studio, lay) -> None:
    lay("train", "10_rex dog/0.png", "20_ohwx_man/0.png", "8_/0.png")
    answer = studio("library", "import", "train", "--dry-run")
    assert answer.code == 5, "as the import's"
    assert "ohwx_man  ?     1" in answer.out
    assert "Cannot be used: 20_ohwx_man does not say its noun ('ohwx_man' is a trainer's token)" in answer.out
    assert answer.out.splitlines()[-1] == (
        "The import would be refused. Correct or remove these, or import the rest: --leave-out"
    )
    assert "is a trainer's token) → Give the noun: --noun 'ohwx_man=NOUN'." in answer.out
    assert " → Rename the folder: REPEATS_NAME NOUN." in answer.out
    refused = studio("library", "import", "train")
    assert (refused.code, "--noun 'ohwx_man=NOUN'" in refused.err, "--leave-out" in refused.err) == (5, True, True)
    dry = studio("library", "import", "train", "--dry-run", "--json")
    said = json.loads(dry.out)
    assert (dry.code, said["format"], len(said["faults"])) == (5, 1, 2)
    assert studio("library", "import", "train", "--dry-run", "--leave-out").code == 0
    assert json.loads(studio("concepts", "--json").out) == []


def test_a_noun_is_given_and_the_rest_is_left_out(studio, lay) -> None:
    lay("train", "10_rex dog/0.png", "20_ohwx_man/0.png", "8_/0.png")
    answer = studio("library", "import", "train", "--noun", "ohwx_man=man", "--leave-out")
    assert answer.code == 0
    assert "Left aside: 8_: has no name after its repeats" in answer.out
    names = {each["name"]: each["noun"] for each in json.loads(studio("concepts", "--json").out)}
    assert names == {"ohwx_man": "man", "rex": "dog"}


def test_a_noun_that_may_be_a_name_is_said_until_it_is_given(studio, lay) -> None:
    lay("train", "10_rex/0.png", "5_luna cat/0.png", "3_mug/0.png")
    said = "Note: 1 noun may be a name (rex), and a noun says what the subject is: dog, mug. To give it: "
    assert f"{said}--noun NAME=NOUN\n" in studio("library", "import", "train", "--dry-run").out
    assert "may be a name" not in studio("library", "import", "train", "--dry-run", "--noun", "rex=dog").out
    assert f"{said}studio concepts edit NAME --noun NOUN\n" in studio("library", "import", "train").out


@pytest.mark.parametrize("text", ["dog", "=dog", "rex="])
def test_a_noun_needs_a_name(studio, lay, text: str) -> None:
    lay("set", "rex/0.png")
    answer = studio("library", "import", "set", "--noun", text)
    assert (answer.code, "is not NAME=NOUN, for example rex=dog" in answer.err) == (2, True)


@pytest.mark.parametrize("name", ["plan.csv", "plan.json"])
def test_a_table_is_written_edited_and_given_back(studio, lay, tmp_path: Path, name: str) -> None:
    lay("set", "rex/0.png", "rex/1.png", "minka/0.png")
    wrote = studio("library", "import", "set", "--write-table", name)
    assert wrote.out.splitlines()[-1] == f"Wrote {name}. Edit it, then: studio library import set --table {name}"
    assert json.loads(studio("concepts", "--json").out) == []
    table = tmp_path / name
    table.write_text(table.read_text().replace("minka", "Momo", 1).replace("minka", "cat", 1))  # its name and noun
    assert studio("library", "import", "set", "--write-table", name).code == 4
    answer = studio("library", "import", "set", "--table", name)
    assert answer.code == 0
    names = {each["name"]: each["noun"] for each in json.loads(studio("concepts", "--json").out)}
    assert names == {"Momo": "cat", "rex": "rex"}
    assert studio("library", "import", "set", "--table", "gone.csv").code == 5


def test_a_table_has_no_picture_that_cannot_be_imported_and_the_next_command_has_the_choices(
    studio, lay, tmp_path: Path
) -> None:
    lay("my set", "rex/0.png", "20_ohwx_man/0.png")
    (tmp_path / "my set" / "rex" / "half.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut off")
    studio("add-concept", "rex", tmp_path / "my set" / "20_ohwx_man" / "0.png", "--noun", "dog")
    choices = ("--leave-out", "--on-conflict", "rename")
    wrote = studio("library", "import", "my set", *choices, "--write-table", "my plan.csv")
    assert (tmp_path / "my plan.csv").read_text().splitlines() == ["name,noun,picture,mask", "rex,rex,rex/0.png,"]
    command = "studio library import 'my set' --table 'my plan.csv' --leave-out --on-conflict rename"
    assert wrote.out.splitlines()[-1] == f"Wrote my plan.csv. Edit it, then: {command}"
    assert studio(*shlex.split(command)[1:]).code == 0
    assert {each["name"] for each in json.loads(studio("concepts", "--json").out)} == {"rex", "rex-2"}


def test_a_zip_of_folders_is_imported_and_leaves_nothing_unpacked(studio, lay, tmp_path: Path) -> None:
    root = lay("set", "2024-05-06/a.png", "dog_01/a.png", "rex.v2 (final)/a.png", "toyPoodle/a.png")
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for path in sorted(root.rglob("*.png")):
            archive.write(path, path.relative_to(root))
    assert "2024-05-06 is a date's folder, not a subject." in studio("library", "import", "set.zip").err
    answer = studio("library", "import", "set.zip", "--noun", "2024-05-06=thing")
    assert answer.code == 0
    names = {each["name"]: each["noun"] for each in json.loads(studio("concepts", "--json").out)}
    assert names == {"2024-05-06": "thing", "dog_01": "dog", "rex.v2 (final)": "rex", "toyPoodle": "toy poodle"}
    assert [path.name for path in (tmp_path / "home").iterdir() if "unpacked" in path.name] == []


def test_choices_about_pictures_are_refused_for_a_bundle(studio, photos) -> None:
    studio("add-concept", "rex", photos[0], "--noun", "dog")
    studio("library", "export", "--out", "all.zip")
    answer = studio("library", "import", "all.zip", "--noun", "rex=cat", "--leave-out")
    assert (answer.code, "so --leave-out, --noun cannot be used" in answer.err) == (2, True)
    dry = studio("library", "import", "all.zip", "--dry-run")
    assert (dry.code, "so --dry-run cannot be used" in dry.err) == (2, True)


def test_every_bad_picture_of_every_folder_is_named_and_nothing_is_stored(studio, lay) -> None:
    train = lay("train", "10_rex dog/good.png", "5_cat/good.png", "1_a<b mug/good.png", "5_cat/empty.jpg")
    (train / "10_rex dog" / "bad.png").write_bytes(b"no picture")
    answer = studio("library", "import", "train")
    assert answer.code == 5
    for said in ("empty.jpg is empty", "angle bracket"):
        assert said in answer.err
    answer = studio("library", "import", "train", "--leave-out")
    assert answer.code == 0
    assert "Left aside: 10_rex dog/bad.png: is not a" in answer.out
    assert {each["name"] for each in json.loads(studio("concepts", "--json").out)} == {"cat", "rex"}


@pytest.mark.parametrize(
    ("folder", "subjects", "aside", "faults"),
    [
        ("onetrainer", [("rex", "rex", 2, 2)], {}, 0),
        ("maskfolder", [("rex", "rex", 2, 2)], {}, 0),
        ("heic", [("rex", "rex", 2, 0)], {}, 7),  # its HEIC files are headers without a picture
        ("tiffonly", [("mug", "mug", 2, 0), ("rex", "rex", 1, 0)], {}, 0),
        ("nested", [("minka", "minka", 2, 0), ("rex", "rex", 2, 0)], {}, 0),
        ("kohya1", [("sks", "dog", 4, 0)], {}, 0),
        ("kohya3", [("sks", "dog", 2, 0)], {"1_dog": 2, "10_dog_reg": 2}, 0),
        (
            "kohya4",
            [("sks", "cat", 1, 0), ("sks_dog", "dog", 1, 0), ("ohwx_man", None, 1, 0), ("black", "mamba", 1, 0)],
            {"8_": 1},
            2,
        ),
        (
            "zip_of_folders.zip",
            [
                ("2024-05-06", None, 1, 0),
                ("dog_01", "dog", 1, 0),
                ("rex.v2 (final)", "rex", 1, 0),
                ("toyPoodle", "toy poodle", 1, 0),
            ],
            {},
            1,
        ),
    ],
)
def test_folders_that_people_sent_are_understood(studio, folder, subjects, aside, faults) -> None:
    plan = json.loads(studio("library", "import", INPUTS / folder, "--dry-run", "--json").out)
    found = [
        (
            each["name"],
            each["noun"],
            len(each["pictures"]),
            sum(picture["mask"] is not None for picture in each["pictures"]),
        )
        for each in plan["subjects"]
    ]
    assert found == subjects
    assert {each["folder"]: len(each["files"]) for each in plan["left_aside"]} == aside
    assert len(plan["faults"]) == faults


@pytest.mark.parametrize("name", ["backslash", "bom", "captionfile", "diffname", "longprompt", "noclass"])
def test_lists_that_people_sent_are_understood(studio, lay, tmp_path: Path, name: str) -> None:
    lay("data", "cat/0.png", "dog/0.png")
    shutil.copy(INPUTS / "lists" / f"{name}.json", tmp_path)
    plan = json.loads(studio("library", "import", f"{name}.json", "--dry-run", "--json").out)
    assert [(each["name"], each["noun"]) for each in plan["subjects"]] == [("cat", "cat"), ("dog", "dog")]
    assert plan["faults"] == []


def test_foreign_names_are_escaped_on_their_way_to_the_terminal(studio, lay) -> None:
    lay("set", "rex/0.png", "rex/\x1b[31m notes.txt", "\x1b[2J bad/0.png", "rex/\x1b]0;title\x07.png")
    for answer in (studio("library", "import", "set", "--dry-run"), studio("library", "import", "set")):
        assert "\x1b" not in answer.out + answer.err and "\\x1b" in answer.out + answer.err


def test_a_taken_name_is_said_before_any_picture_is_opened(studio, lay, added, monkeypatch) -> None:
    lay("set", "rex/0.png", "minka/0.png")
    dry = studio("library", "import", "set", "--dry-run", "--noun", "rex=dog")
    assert dry.code == 4, "as the import's"
    for choice in ("rename", "skip"):
        assert studio("library", "import", "set", "--dry-run", "--on-conflict", choice).code == 0
    assert "rex    dog    1                name taken  rex    given" in dry.out
    assert "minka  minka  1                new         minka" in dry.out
    assert "The library has other content with these names: rex. The import would be refused." in dry.out
    monkeypatch.setattr("lambda_studio.pictures.door.PictureDoor.photo", lambda *_: pytest.fail("a picture was opened"))
    refused = studio("library", "import", "set", "--noun", "rex=dog")
    assert refused.code == 4
    assert "In library 'default' these names have different content: 'rex'." in refused.err
    remedy = "Give --on-conflict rename (rex comes in as rex-2), or --on-conflict skip (rex is left out)."
    assert remedy in refused.err


def test_a_taken_name_is_skipped_without_opening_its_pictures(studio, lay, added, monkeypatch) -> None:
    lay("set", "rex/0.png", "minka/1.png")
    opened, photo = [], PictureDoor.photo

    def watched(door, path):
        opened.append(path.name)
        return photo(door, path)

    monkeypatch.setattr(PictureDoor, "photo", watched)
    answer = studio("library", "import", "set", "--on-conflict", "skip", "--json")
    assert answer.code == 0
    states = [(each["name"], each["state"], each["notes"]) for each in json.loads(answer.out)["concepts"]]
    assert states[1] == ("rex", "skipped", []) and states[0][:2] == ("minka", "added")
    assert opened == ["1.png"]
    told = studio("library", "import", "set", "--on-conflict", "skip").out
    assert "guessed" not in told, "the noun of rex is not used"


def test_notes_have_the_numbers_and_the_name_that_the_concept_has_now(studio, lay, added, tmp_path) -> None:
    for path in (lay("set", "rex/0.png", "rex/1.png") / "rex").iterdir():
        with Image.open(path) as image:
            image.rotate(180).save(path)  # another picture than that of the library's rex
    with Image.open(tmp_path / "set/rex/0.png") as image:
        image.convert("RGB").save(tmp_path / "set/rex/2.jpg", quality=95)
    told = studio("library", "import", "set", "--noun", "rex=dog", "--on-conflict", "rename").out
    drop = "keep one: studio concepts edit rex-2 --drop 3"
    assert f"Note: rex-2: 2 pictures are almost the same (images 1, 3): {drop}" in told


def test_a_copy_in_a_folder_is_stored_once_and_the_same_import_again_is_no_conflict(studio, lay, tmp_path) -> None:
    lay("set", "rex/1.png", "rex/2.png", "max/1.png")
    shutil.copy(tmp_path / "set/rex/1.png", tmp_path / "set/rex/0.png")
    told = studio("library", "import", "set").out
    assert "Note: rex: rex/1.png has the same bytes as rex/0.png; one is kept" in told
    shutil.copy(tmp_path / "set/rex/1.png", tmp_path / "set/rex/00.png")
    dry = studio("library", "import", "set", "--dry-run").out
    assert dry.count("there already") == 2 and "refused" not in dry
    shutil.copy(tmp_path / "set/max/1.png", tmp_path / "set/rex/4.png")
    with Image.open(tmp_path / "set/rex/4.png") as image:
        image.rotate(180).save(tmp_path / "set/rex/4.png")
    assert studio("library", "import", "set", "--dry-run").out.count("name taken") == 1, "a picture more is no copy"


def test_a_photo_of_two_subjects_of_one_import_is_named(studio, lay, tmp_path) -> None:
    lay("set", "max/1.png", "rex/2.png")
    shutil.copy(tmp_path / "set/max/1.png", tmp_path / "set/rex/1.png")
    told = studio("library", "import", "set").out
    drop = "If it does not show both: studio concepts edit rex --drop 1"
    assert f"Note: rex: image 1 (1.png) is also image 1 of max. {drop}" in told


def test_the_same_import_again_is_no_conflict(studio, lay) -> None:
    lay("set", "rex/0.png", "minka/0.png")
    assert studio("library", "import", "set").code == 0
    dry = studio("library", "import", "set", "--dry-run").out
    assert dry.count("there already") == 2 and "refused" not in dry
    assert studio("library", "import", "set").out.count("there already") == 4, "in the plan, and in what became of it"
