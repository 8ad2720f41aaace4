"""`studio concepts` and its commands, as a person uses them: list, show, similar, edit, history, rename."""

import json
from pathlib import Path

import pytest
from PIL import Image

from cli.libraries import concepts
from concepts.database import Database
from concepts.records import NewImage
from lambda_studio.pictures.masks.subject import FALLBACK, FoundMask
from lambda_studio.workflows.subjects.masks import segmenting
from tests.cli.conftest import well

CORRECT = "To correct image 1: studio concepts edit rex --point 1=50%,40%, or --box 1=x,y,width,height"


@pytest.fixture
def rex(studio, photos, prepare):
    """rex with one photo, in one version."""
    prepare("rex of one photo", lambda: well(studio("add-concept", "rex", photos[0], "--noun", "dog")))


def shown(studio) -> dict:
    return json.loads(studio("concepts", "show", "rex", "--json").out)


def test_images_are_added_and_dropped_in_versions_that_stay(studio, rex, photos) -> None:
    first = shown(studio)["images"][0]["sha"]
    added = studio("concepts", "edit", "rex", "--add", photos[1])
    correct = "To correct image 2: studio concepts edit rex --point 2=50%,40%, or --box 2=x,y,width,height"
    said = ["rex (dog) is now version 2: 2 images.", "1 of 1 mask looks right.", correct]
    assert (added.code, added.out.splitlines()) == (0, said)
    dropped = studio("concepts", "edit", "rex", "--drop", 1, "--noun", "wolf")
    assert dropped.out == "rex (wolf) is now version 3: 1 image.\n"
    assert [image["source_name"] for image in shown(studio)["images"]] == ["photo2.png"]
    history = json.loads(studio("concepts", "history", "rex", "--json").out)
    assert [(each["number"], each["noun"], each["image_count"]) for each in history] == [
        (3, "wolf", 1), (2, "dog", 2), (1, "dog", 1)
    ]  # fmt: skip
    restored = "rex (dog) is now version 4: 1 image.\n1 of 1 mask looks right.\n"
    assert studio("concepts", "restore", "rex", 1).out == restored
    assert shown(studio)["images"][0]["sha"] == first
    assert studio("concepts", "restore", "rex", 1).out == "rex (dog) has this content already, in version 4: 1 image.\n"


def test_a_restored_version_is_told_of_as_when_it_was_added(studio, rex, photos, monkeypatch) -> None:
    monkeypatch.setattr(segmenting, "find_subject", lambda *_, **__: FoundMask(None, (FALLBACK,)))
    added = studio("concepts", "edit", "rex", "--add", photos[1], "--drop", 1)
    about = f"Note: image 1 (photo2.png): {FALLBACK}"
    look = "0 of 1 mask looks right; look at photo2.png: studio concepts show rex --sheet rex.png"
    assert {about, look, CORRECT} <= {*added.out.splitlines()}
    studio("concepts", "restore", "rex", 1)
    restored = studio("concepts", "restore", "rex", 2)
    assert restored.out.splitlines() == [about, "rex (dog) is now version 4: 1 image.", look, CORRECT]


def test_an_image_that_is_there_is_not_added_again(studio, rex, photos) -> None:
    studio("concepts", "edit", "rex", "--add", photos[1])
    same = "Note: photo2.png is the same photo as image 2 and was not added."
    assert (
        studio("concepts", "edit", "rex", "--add", photos[1]).out
        == f"{same} To change its mask: studio concepts edit rex --box 2=x,y,width,height\n"
        "rex (dog) has this content already, in version 2: 2 images.\n"
    )
    assert [image["source_name"] for image in shown(studio)["images"]] == ["photo1.png", "photo2.png"]


def test_a_history_is_a_table_with_the_adapters_that_saw_each_version(studio, rex, photos) -> None:
    assert studio("finetune", "rex", "--steps", 1, "--rank", 2).code == 0
    studio("concepts", "edit", "rex", "--add", photos[1])
    lines = studio("concepts", "history", "rex").out.splitlines()
    assert lines[0].split() == ["VERSION", "NOUN", "IMAGES", "SINCE", "MANIFEST", "ADAPTERS"]
    assert lines[1].split()[:3] == ["2", "dog", "2"]
    assert lines[2].split()[0] == "1" and lines[2].split()[-1] == "1"
    assert json.loads(studio("adapters", "--json").out)[0]["stale"] is True


def test_another_mask_is_embedded_anew_and_the_image_stays(studio, rex, tmp_path: Path) -> None:
    before = shown(studio)["images"][0]
    mask = Image.new("L", (64, 64))
    mask.paste(255, (0, 0, 32, 64))
    mask.save(tmp_path / "mask.png")
    edited = json.loads(studio("concepts", "edit", "rex", "--mask", f"1={tmp_path / 'mask.png'}", "--json").out)
    assert (edited["encoded"], edited["cached"]) == (1, 0)
    after = shown(studio)["images"][0]
    assert after["sha"] == before["sha"] and after["mask_sha"] != before["mask_sha"]
    assert after["mask"] == "50% of it"


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ((), 2, "No change to rex was given."),
        (("--drop", "2"), 2, "rex has no image 2."),
        (
            ("--drop", "1"),
            5,
            "rex would have no image left.\n  → Add another with --add IMAGE, or hide it: studio concepts remove rex. "
            "To delete it for good: studio concepts forget rex\n",
        ),
        (("--mask", "mask.png"), 2, "--mask 'mask.png' is not N=FILE"),
        (("--mask", "1=nowhere.png"), 5, "nowhere.png"),
        (("--drop", "1", "--mask", "1=mask.png"), 2, "Image 1 would be dropped and given a mask."),
        (("--add", "nowhere.jpg"), 5, "nowhere.jpg"),
        (
            ("--noun", " "),
            5,
            "The new noun of rex is empty.\n  → Name the kind of thing, for example: --noun dog. "
            "To keep the present noun, do not give one.\n",
        ),
    ],
)
def test_what_cannot_be_changed_is_refused_and_nothing_is_written(studio, rex, options, code, said) -> None:
    before = shown(studio)
    answer = studio("concepts", "edit", "rex", *options)
    assert answer.code == code
    assert said in answer.err and answer.err.count("\n") == 2
    assert shown(studio) == before


def test_a_version_that_is_not_there_is_code_3(studio, rex) -> None:
    answer = studio("concepts", "restore", "rex", 7)
    assert answer.code == 3
    assert (
        answer.err == "Error: 'rex' has no version 7; it has 1 to 1.\n  → See them with: studio concepts history rex\n"
    )


def test_a_sheet_shows_each_mask_over_its_image(studio, rex, photos, tmp_path: Path) -> None:
    """Outside the mask the picture is washed out, inside it is as it was; a second sheet has another name."""
    mask = Image.new("L", (64, 64))
    mask.paste(255, (0, 0, 32, 64))
    mask.save(tmp_path / "mask.png")
    studio("concepts", "edit", "rex", "--add", photos[1], "--mask", f"1={tmp_path / 'mask.png'}")
    sheet = tmp_path / "sheet.png"
    answer = studio("concepts", "show", "rex", "--sheet", sheet)
    assert (answer.code, answer.err) == (0, f"Masks drawn: {sheet}\n{CORRECT}\n")
    with Image.open(sheet) as drawn, Image.open(photos[0]) as photo:
        assert drawn.width > drawn.height, "two pictures stand side by side"
        inside, outside = drawn.getpixel((12 + 96 + 10, 12 + 96 + 30)), drawn.getpixel((12 + 96 + 50, 12 + 96 + 30))
        assert inside == photo.getpixel((10, 30))
        assert min(outside) > 150 and max(outside) - min(outside) < 8, "the other half is pale and grey"
    again = studio("concepts", "show", "rex", "--sheet", sheet).err
    assert again == f"{sheet} exists and was kept. Masks drawn: {tmp_path / 'sheet-2.png'}\n{CORRECT}\n"


def test_a_sheet_is_drawn_when_pictures_are_added_and_edited(studio, photos, tmp_path: Path) -> None:
    named = studio("add-concept", "rex", photos[0], "--noun", "dog", "--sheet", tmp_path / "sheet.jpg")
    assert (named.code, "names a picture that is not a PNG" in named.err) == (2, True)
    assert studio("concepts", "show", "rex").code == 3, "nothing is stored if the sheet has no usable name"
    added = studio("add-concept", "rex", photos[0], "--noun", "dog", "--sheet", tmp_path / "sheet.png")
    assert (added.code, added.err.splitlines()[-1]) == (0, f"Masks drawn: {tmp_path / 'sheet.png'}")
    edited = studio("concepts", "edit", "rex", "--add", photos[1], "--sheet", tmp_path / "two.png")
    assert (edited.code, edited.err) == (0, f"Masks drawn: {tmp_path / 'two.png'}\n")
    with Image.open(tmp_path / "sheet.png") as one, Image.open(tmp_path / "two.png") as two:
        assert two.width > one.width


def test_a_sheet_shows_the_concepts_that_are_listed(studio, rex, photos, tmp_path: Path) -> None:
    studio("add-concept", "hat", photos[1], "--noun", "hat")
    sheet = tmp_path / "all.png"
    answer = studio("concepts", "list", "--sheet", sheet)
    assert (answer.code, answer.err) == (0, f"Masks drawn: {sheet}\n")
    studio("concepts", "list", "--search", "hat", "--sheet", tmp_path / "hat.png")
    with Image.open(sheet) as all_of_them, Image.open(tmp_path / "hat.png") as only_hat:
        assert (all_of_them.width, only_hat.width) == (12 + 2 * 268, 12 + 268)
    assert (
        "leave out --search, --after, -n and --sheet" in studio("concepts", "list", "--removed", "--sheet", sheet).err
    )


def test_masks_are_corrected_by_a_box_and_a_way(studio, rex, photos, tmp_path: Path) -> None:
    studio("concepts", "edit", "rex", "--add", photos[1])
    answer = studio("concepts", "edit", "rex", "--box", "1=20%,20%,70%,70%", "--segment", "2=none")
    see, correct = answer.out.splitlines()[-2:]
    assert see == "See the new mask: studio concepts show rex --sheet rex.png"
    assert correct.startswith("To correct image 2: studio concepts edit rex --point 2=50%,40%")
    first, second = shown(studio)["images"]
    assert first["mask_sha"] is not None and second["mask_sha"] is None
    for words, said in (
        (("--box", "3=1,1,20,20"), "rex has no image 3."),
        (("--box", "1=50,50,20,20"), "The box 50,50,20,20 reaches outside image 1, which has 64 x 64 pixels."),
        (("--point", "1=64,0"), "The point 64,0 is outside image 1, which has 64 x 64 pixels."),
    ):
        answer = studio("concepts", "edit", "rex", *words)
        assert said in answer.err and answer.code in (2, 5)


def test_a_page_at_a_time(studio, tmp_path, monkeypatch) -> None:
    with Database.open(tmp_path / "home") as database, database.transaction() as registry:
        for number in range(5):
            name = f"it's {number}"
            registry.add_concept("default", name, "dog", [NewImage(name.encode(), None, 64, 64, "a.png")])
    monkeypatch.setattr(concepts, "PAGE", 2)
    first = studio("concepts")
    assert [line.split()[1] for line in first.out.splitlines()[1:]] == ["0", "1"]
    assert first.err == """There are more concepts. Continue with: --after 'it'"'"'s 1'\n"""
    last = studio("concepts", "list", "--after", "it's 1", "-n", 3)
    assert ([line.split()[1] for line in last.out.splitlines()[1:]], last.err) == (["2", "3", "4"], "")
    assert [each["name"] for each in json.loads(studio("concepts", "list", "--json").out)] == [
        f"it's {number}" for number in range(5)
    ]
    assert [each["name"] for each in json.loads(studio("concepts", "list", "--json", "--search", "S 3").out)] == [
        "it's 3"
    ]
    nothing = studio("concepts", "list", "--search", "cat")
    assert nothing.out == "Library default has no matching concepts. See all: studio concepts list\n"
    assert studio("concepts", "list", "-n", 0).code == 2
    assert studio("concepts", "list", "--removed", "--search", "x").code == 2


def test_similar_concepts_are_a_table(studio, photos) -> None:
    studio("add-concept", "rex", photos[0], "--noun", "dog")
    assert studio("concepts", "similar", "rex").out == "There is nothing to compare rex with.\n"
    added = studio("add-concept", "twin", photos[0], "--noun", "wolf")
    remove = "If both are the same subject, remove this one: studio concepts remove twin"
    assert f"Note: image 1 (photo1.png) is also image 1 of rex. {remove}\n" in added.out
    studio("add-concept", "max", photos[1], "--noun", "cat")
    lines = studio("concepts", "similar", "rex").out.splitlines()
    assert lines[0].split() == ["LIKE", "NAME", "NOUN", "LIBRARY"]
    assert lines[1].split() == ["1.00", "twin", "wolf", "default"]
    assert lines[2].split()[1:] == ["max", "cat", "default"]
    found = json.loads(studio("concepts", "similar", "rex", "-n", 1, "--json").out)
    assert (found["stack"], [each["name"] for each in found["nearest"]]) == ("tiny", ["twin"])
    assert studio("concepts", "similar", "nix").code == 3
    refused = studio("concepts", "similar", "rex", "-n", 0)
    assert (refused.code, refused.err) == (2, "Error: The number of concepts is 0.\n  → Give 1 to 10000.\n")


def test_show_tells_everything(studio, photos) -> None:
    studio("add-concept", "rex", *photos, "--noun", "dog", "--segment", "none")
    assert "none; make one: studio finetune rex" in studio("concepts", "show", "rex").out
    studio("finetune", "--all", "--steps", 1, "--rank", 2)
    shown = studio("concepts", "show", "REX").out
    assert "rex (dog) in library default" in shown
    assert "version 1 of 20" in shown
    assert "photo1.png  64 x 64  none: all of it" in shown
    assert "tiny: 2 of 2" in shown
    assert "1 (lora, tiny) trained on version 1" in shown


def test_a_rename_touches_no_version_and_an_adapter_still_knows_it(studio, tuned) -> None:
    assert studio("concepts", "rename", "rex", "bello").out == "rex is now called bello.\n"
    drawn = studio("generate", "a <bello>", "--steps", 1, "--seed", 0, "--json")
    assert (json.loads(drawn.out)["adapter"], json.loads(drawn.out)["stale"], drawn.err) == (1, False, "")


def test_a_photo_that_is_there_is_not_added_again_and_an_almost_equal_one_is_said(studio, added, photos, tmp_path):
    with Image.open(photos[0]) as image:
        image.resize((66, 66)).save(tmp_path / "again.png")
    answer = studio("concepts", "edit", "rex", "--add", photos[1], "--add", "again.png")
    assert answer.code == 0
    same = "Note: photo2.png is the same photo as image 2 and was not added. To change its mask: "
    assert f"{same}studio concepts edit rex --box 2=x,y,width,height" in answer.out
    best = "keep image 3, the sharpest or largest: studio concepts edit rex --drop 1"
    assert f"Note: 2 pictures are almost the same (images 1, 3): {best}" in answer.out
    shown = json.loads(studio("concepts", "show", "rex", "--json").out)
    assert [image["source_name"] for image in shown["images"]] == ["photo1.png", "photo2.png", "again.png"]


def test_a_photo_with_another_mask_beside_it_is_not_added_again(studio, added, photos, tmp_path):
    mask = Image.new("L", (64, 64))
    mask.paste(255, (0, 0, 32, 64))
    mask.save(tmp_path / "photo1.mask.png")
    answer = studio("concepts", "edit", "rex", "--add", photos[0], "--add", tmp_path / "photo1.mask.png")
    assert "photo1.png is the same photo as image 1 and was not added." in answer.out
    assert len(json.loads(studio("concepts", "show", "rex", "--json").out)["images"]) == 2


def test_a_way_for_all_images_is_no_change_of_those_that_are_there(studio, added) -> None:
    answer = studio("concepts", "edit", "rex", "--segment", "grabcut")
    assert (answer.code, "For an image that is there, give N=grabcut." in answer.err) == (2, True)


def test_the_mask_to_correct_is_the_one_that_may_be_wrong(studio, added, photos, tmp_path) -> None:
    with Image.open(photos[0]) as photo:
        middle, nearly_all = Image.new("L", photo.size), Image.new("L", photo.size, 255)
    middle.paste(255, (middle.width // 4, middle.height // 4, 3 * middle.width // 4, 3 * middle.height // 4))
    nearly_all.paste(0, (0, 0, nearly_all.width, 1))  # which is always worth a look
    masks = []
    for number, mask in enumerate((middle, nearly_all), start=1):
        mask.save(tmp_path / f"mask{number}.png")
        masks += ["--mask", f"{number}={tmp_path / f'mask{number}.png'}"]
    assert studio("add-concept", "max", *photos[:2], "--noun", "dog", *masks).code == 0
    images = json.loads(studio("concepts", "show", "max", "--json").out)["images"]
    assert [image["doubtful"] for image in images] == [False, True]
    assert "To correct image 2:" in studio("concepts", "show", "max", "--sheet", tmp_path / "max.png").err


def test_several_images_in_a_row_are_dropped(studio, added) -> None:
    assert studio("concepts", "edit", "rex", "--drop", "2-2").code == 0
    assert len(json.loads(studio("concepts", "show", "rex", "--json").out)["images"]) == 1
    answer = studio("concepts", "edit", "rex", "--drop", "2-1")
    assert (answer.code, "'2-1' counts down. Did you mean 1-2?" in answer.err) == (2, True)


def test_a_mark_that_finds_the_same_mask_is_said(studio, added) -> None:
    box = ("concepts", "edit", "rex", "--box", "1=10%,10%,60%,60%")
    assert "0 of 1 mask looks right; look at photo1.png" in studio(*box).out
    assert studio(*box).out.splitlines()[1:] == [
        "The masks are the same as before. Give a box, another point, or a mask file."
    ]


def test_an_image_is_called_by_its_files_name(studio, added) -> None:
    unknown = studio("concepts", "edit", "rex", "--drop", "two")
    assert unknown.code == 2 and "rex has no image 'two'." in unknown.err
    assert "It has images 1 (photo1.png), 2 (photo2.png)." in unknown.err
    pointed = studio("concepts", "edit", "rex", "--box", "photo2.png=10%,10%,60%,60%")
    correct = "To correct image 2: studio concepts edit rex --point 2=50%,40%, or --box 2=x,y,width,height"
    assert pointed.code == 0 and correct in pointed.out
    assert studio("concepts", "edit", "rex", "--drop", "photo1.png").code == 0
    shown = json.loads(studio("concepts", "show", "rex", "--json").out)
    assert [image["source_name"] for image in shown["images"]] == ["photo2.png"]
