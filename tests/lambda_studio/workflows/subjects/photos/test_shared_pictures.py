"""The same photograph in two concepts is named when it is added, however many other photos they have."""

import shutil
from dataclasses import replace

from PIL import Image

from lambda_studio.pictures.near_duplicates import ALMOST
from lambda_studio.workflows.subjects import lookalikes
from lambda_studio.workflows.subjects.photos.shared_pictures import shared_pictures

REMOVE = "If both are the same subject, remove this one: studio concepts remove"


def told(studio, concept, before=()) -> list[str]:
    with studio.database.reading() as registry:
        return list(shared_pictures(registry, concept, before).warnings)


def test_one_picture_among_others_is_named_with_both_numbers(studio, put, plain) -> None:
    put("max", plain("white"), plain("red"))
    mine = put("my rex", plain("red", masked=True), plain("blue"), plain("lime"))
    drop = "If it does not show both: studio concepts edit 'my rex' --drop 1"
    assert told(studio, mine) == [f"image 1 (red.png) is also image 2 of max. {drop}"]
    assert told(studio, mine, before=[mine.images[0].sha]) == []


def test_several_pictures_are_one_warning_for_each_concept(studio, put, plain) -> None:
    put("a", plain("red"), plain("blue"))
    put("b", plain("blue"))
    rex = put("rex", plain("blue"), plain("red"), plain("lime"))
    assert told(studio, rex) == [
        "images 1-2 are also in a (its images 1-2). If they do not show both: studio concepts edit rex --drop 1-2",
        "image 1 (blue.png) is also image 1 of b. If it does not show both: studio concepts edit rex --drop 1",
    ]


def test_a_concept_of_which_no_picture_would_be_left_is_asked_about(studio, put, plain) -> None:
    put("max", plain("red"))
    assert told(studio, put("rex", plain("red"))) == [f"image 1 (red.png) is also image 1 of max. {REMOVE} rex"]


def test_all_but_near_duplicates_is_all_and_the_concept_with_most_of_them_is_named(studio, put, plain) -> None:
    put("a", plain("lime"))
    put("b", plain("red"), plain("lime"))
    red, near = plain("red"), plain("blue")
    rex = put("my rex", red, plain("lime"), replace(near, warnings=(f"{ALMOST}red.png #{red.sha[:12]}",)))
    told_of = "images 1-2 are also in b (its images 1-2), and image 3 is almost the same as one of these."
    assert told(studio, rex) == [f"{told_of} {REMOVE} 'my rex'"]
    assert len(told(studio, put("max", red, plain("lime"), plain("white")))) == 3, "image 3 is another picture"


def test_of_a_copy_one_note_is_told_and_neither_its_near_duplicates_nor_its_likeness(
    studio, add, box, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(lookalikes, "ALIKE", -1.0)
    folder = tmp_path / "set" / "rex"
    folder.mkdir(parents=True)
    photo = shutil.copy(box(3), folder / "1.png")
    add("max", photo)
    with Image.open(photo) as image:
        image.resize((160, 128)).save(folder / "2.png")
    also = "image 1 (1.png) is also image 1 of max, and image 2 is almost the same as one of these."
    added = studio.concepts.add("rex", folder, noun="dog", segment="none")
    assert (added.copy_of, added.warnings) == ("max", (f"{also} {REMOVE} rex",))
    studio.concepts.remove("rex")
    (imported,) = studio.libraries.import_(tmp_path / "set").concepts
    assert [note for note in imported.notes if "mask" not in note] == [f"{also} {REMOVE} rex"]


def test_adding_and_editing_say_it_of_new_pictures_only(studio, add, photo, box) -> None:
    add("max", photo)
    first = add("rex", box(9))
    assert not any("is also" in text for text in first.warnings)
    edited = studio.concepts.edit("rex", add=[photo], segment="none")
    assert any(text.startswith("image 2 (photo.png) is also image 1 of max.") for text in edited.warnings)
    assert not any("is also" in text for text in studio.concepts.edit("rex", noun="puppy").warnings)
    assert any("is also image 1 of max" in text for text in add("third", photo).warnings)


def test_an_older_version_a_removed_concept_and_another_library_do_not_count(studio, put, plain) -> None:
    put("old", plain("red"))
    studio.database.write(lambda registry: registry.revise_concept("default", "old", "dog", [plain("blue")]))
    put("gone", plain("red"))
    studio.concepts.remove("gone")
    rex = put("rex", plain("red"))
    assert told(studio, rex) == []
    assert told(studio, replace(rex, id=rex.id + 1)) == [f"image 1 (red.png) is also image 1 of rex. {REMOVE} rex"], (
        "rex itself has it"
    )
