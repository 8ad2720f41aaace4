"""`studio concepts remove`, `restore` and `forget`, as a person uses them."""

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest


@pytest.fixture
def rex(studio, tuned) -> int:
    """rex with two photos and an adapter; its number."""
    return json.loads(studio("concepts", "show", "rex", "--json").out)["concept"]["id"]


def rows(home: Path, table: str) -> int:
    with closing(sqlite3.connect(home / "studio.sqlite3")) as connection:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def test_a_removal_is_undone_and_the_adapter_knows_it_again(studio, rex) -> None:
    before = json.loads(studio("concepts", "show", "rex", "--json").out)
    removed = studio("concepts", "remove", "rex", "--yes")
    assert removed.out.splitlines() == [
        "Removed rex. Undo it: studio concepts restore rex",
        "Adapter 1 was trained on it and can still draw it.",
    ]
    assert "  rex, version 1 (removed)\n" in studio("adapters", "show", 1).out
    assert "has no concepts yet" in studio("concepts").out
    listed = studio("concepts", "list", "--removed").out.splitlines()
    assert listed[0].split() == ["ID", "NAME", "NOUN", "IMAGES", "VERSION", "REMOVED"]
    assert listed[1].split()[:5] == [str(rex), "rex", "dog", "2", "1"]
    assert studio("concepts", "restore", "rex").out == "rex (dog) is back, in version 1: 2 images.\n"
    assert json.loads(studio("concepts", "show", "rex", "--json").out) == before
    assert studio("concepts", "list", "--removed").out == ("Library default has no removed concepts to restore.\n")


def test_a_removed_concept_comes_back_beside_one_that_took_its_name(studio, rex, photos) -> None:
    studio("concepts", "remove", "rex", "--yes")
    studio("add-concept", "rex", photos[0], "--noun", "cat")
    refused = studio("concepts", "restore", "rex")
    assert refused.code == 4
    assert refused.err == (
        "Error: The name 'rex' is in use again in library 'default'.\n"
        "  → Restore it under another name: studio concepts restore rex --as NEW_NAME\n"
    )
    assert studio("concepts", "restore", "rex", "--as", "old").out == "old (dog) is back, in version 1: 2 images.\n"
    assert [each["name"] for each in json.loads(studio("concepts", "--json").out)] == ["old", "rex"]


def test_forgetting_deletes_everything_and_names_who_saw_it(studio, rex, tmp_path: Path) -> None:
    home = tmp_path / "home"
    refused = studio("concepts", "forget", "rex")
    assert refused.code == 2
    assert "rex: all of its versions, images and masks are deleted for good." in refused.err
    assert "Forget rex? There is nobody to ask here.\n  → If you agree, add --yes to the command." in refused.err
    studio("concepts", "remove", "rex", "--yes")
    forgotten = studio("concepts", "forget", "rex", "--yes")
    lines = forgotten.out.splitlines()
    assert re.fullmatch(
        r"Forgot rex. Deleted: 10 images, masks, originals and cached values \([\d,]+ bytes\)\.", lines[0]
    )
    assert lines[1:] == ["Adapter 1 was trained on it and can still draw it."]
    assert rows(home, "concepts") == rows(home, "version_images") == 0
    assert rows(home, "blobs") == rows(home, "features") == 1, "CLIP's view of no picture belongs to no concept"
    assert "  rex, version 1 (forgotten)\n" in studio("adapters", "show", 1).out
    assert "forgotten" in studio("adapters").out.splitlines()[1].split()
    assert studio("concepts", "restore", "rex").code == 3


def test_of_two_of_one_name_a_number_says_which_to_forget(studio, rex, photos) -> None:
    studio("concepts", "remove", "rex", "--yes")
    studio("add-concept", "rex", photos[0], "--noun", "cat")
    refused = studio("concepts", "forget", "rex", "--yes")
    assert refused.code == 2
    assert f"{rex} (removed)" in refused.err and "--id" in refused.err
    assert "[required if there are several]" in " ".join(studio("concepts", "forget", "--help").out.split())
    gone = json.loads(studio("concepts", "forget", "rex", "--id", rex, "--yes", "--json").out)
    assert (gone["id"], gone["adapters"], gone["backups"]) == (rex, [1], [])
    assert len(gone["kept"]) == 2, "the cat has the first photo and its mask"
    assert gone["deleted"] and gone["bytes"] > 0
    assert [each["noun"] for each in json.loads(studio("concepts", "--json").out)] == ["cat"]


def test_a_version_is_not_given_with_what_is_for_removed_concepts(studio, rex) -> None:
    for option in (("--as", "x"), ("--id", 1)):
        assert studio("concepts", "restore", "rex", 1, *option).code == 2
    assert (
        studio("concepts", "restore", "rex", 1).out == "rex (dog) has this content already, in version 1: 2 images.\n"
    )
    assert (
        "For an earlier version of it: studio concepts restore rex VERSION" in studio("concepts", "restore", "rex").err
    )


def test_removing_says_which_adapters_saw_it(studio, tuned) -> None:
    removed = studio("concepts", "remove", "rex", "--yes")
    assert (
        removed.out
        == "Removed rex. Undo it: studio concepts restore rex\nAdapter 1 was trained on it and can still draw it.\n"
    )
    assert studio("concepts", "show", "rex").code == 3
